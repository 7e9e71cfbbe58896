import { queryOptions, useQuery } from "@tanstack/react-query";
import { api } from "./client";

const STALE_MS = 60_000;

/** Query of the names of the workflows and scripts of a workspace, by path. */
const itemNamesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["item-names", workspace],
    staleTime: STALE_MS,
    queryFn: async (): Promise<ReadonlyMap<string, string>> => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      const lists = await Promise.all([
        api.GET("/api/w/{workspace}/scripts/list", { params }),
        api.GET("/api/w/{workspace}/flows/list", { params }),
      ]);
      const items = lists.flatMap(({ data }) => (data ?? []) as { path: string; summary?: string }[]);
      return new Map(items.map(({ path, summary = "" }) => [path, summary]));
    },
  });

/** Return a function that returns the name of the workflow or script at a path; its path if it has no name. */
export function useItemNames(workspace: string): (path: string) => string {
  const names = useQuery(itemNamesQuery(workspace)).data;
  return (path) => names?.get(path) || path;
}
