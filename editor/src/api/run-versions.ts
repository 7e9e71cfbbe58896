import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type EarlierRun = components["schemas"]["EarlierRun"];
export type MovedRun = components["schemas"]["MovedRun"];

/** Query of the runs under way on earlier versions of a workflow, oldest first. */
export const earlierRunsQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["earlier-runs", workspace, path],
    queryFn: async () => {
      const params = { path: { workspace, path } };
      const { data } = await api.GET("/api/w/{workspace}/versions/earlier_runs/{path}", { params });
      return data ?? null;
    },
  });

/** Move runs to the current version of their workflow. Return the outcome of each. */
export async function moveRuns(workspace: string, path: string, runs: string[]): Promise<MovedRun[]> {
  const params = { path: { workspace, path } };
  const { data } = await api.POST("/api/w/{workspace}/versions/move_runs/{path}", { params, body: { runs } });
  return data ?? [];
}
