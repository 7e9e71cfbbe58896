import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { ApiError } from "./lib/api-error";
import { router } from "./router";
import { Link } from "./routing/link";
import { RouterProvider } from "./routing/provider";
import { t } from "./texts/t";
import { Failed, Skeleton, Toasts } from "./ui/states";

const TRIES = 3;

const queries = new QueryClient({
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

/** Error of a page that failed or could not be loaded. */
function PageError({ error }: { error: unknown }) {
  return (
    <main>
      <Failed error={error}>
        <Link to="/">{t("shell.toHome")}</Link>
      </Failed>
    </main>
  );
}

const FALLBACKS = { loading: Skeleton, failed: PageError };

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} fallbacks={FALLBACKS} />
      <Toasts />
    </QueryClientProvider>
  );
}
