import { infiniteQueryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type FoundRun = components["schemas"]["FoundRun"];
type Page = components["schemas"]["FoundRuns"];

/** Query of runs whose inputs or results contain all words of `text`, newest first. */
export const foundQuery = (workspace: string, text: string) =>
  infiniteQueryOptions({
    queryKey: ["found-runs", workspace, text],
    enabled: text !== "",
    retry: false,
    initialPageParam: "",
    queryFn: async ({ pageParam }): Promise<Page> => {
      const { data } = await api.GET("/api/v1/runs/search", {
        params: { query: { q: text, ...(pageParam ? { before: pageParam } : {}) } },
        headers: { "X-Workspace": workspace },
      });
      return data as Page;
    },
    getNextPageParam: (page) => page.before ?? null,
  });

export async function turnSearchOn(workspace: string): Promise<void> {
  await api.POST("/api/w/{workspace}/workspaces/edit_search_run_data", {
    params: { path: { workspace } },
    body: { search_run_data: true },
    parseAs: "text",
  });
}
