import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../lib/api-error";

const TRIES = 3;

/** Data of all queries of the page. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A request that the server refused would be refused again; only other failures are retried.
      retry: (count, error) => count < TRIES && !(error instanceof ApiError && error.status > 0 && error.status < 500),
      refetchOnWindowFocus: true,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});
