import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import { type RunRow, toRunRow } from "./run-list";
import type { components } from "./schema";

export type ComparedRuns = components["schemas"]["ComparedRuns"];
export type NodeComparison = components["schemas"]["NodeComparison"];
export type RunSummary = components["schemas"]["RunSummary"];
export type NodeInRun = components["schemas"]["NodeInRun"];
export type ValueSummary = components["schemas"]["ValueSummary"];

/** Query of the comparison of two runs. */
export const comparisonQuery = (workspace: string, run: string, other: string) =>
  queryOptions({
    queryKey: ["run", workspace, run, "compare", other],
    queryFn: async () => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/compare/{other}", {
        params: { path: { run_id: run, other } },
        headers: { "X-Workspace": workspace },
      });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Fetch the last runs of a path before a run, newest first. `only`: further conditions. */
export async function runsBefore(
  workspace: string,
  path: string,
  before: string,
  limit: number,
  only: { states?: string; job_kinds?: string } = {},
): Promise<RunRow[]> {
  const query = { script_path_exact: path, has_null_parent: true, before, per_page: limit, ...only };
  const params = { path: { workspace }, query };
  const { data } = await api.GET("/api/w/{workspace}/jobs/list", { params });
  return (data ?? []).map(toRunRow);
}
