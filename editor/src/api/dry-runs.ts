import { queryOptions } from "@tanstack/react-query";
import type { Json } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type DryRunReport = components["schemas"]["DryRunReport"];
export type SimulatedExecution = components["schemas"]["SimulatedExecution"];

/** Options of a dry run. `run` and `test`: the run or test whose answers are played. */
export interface DryRunOptions {
  reads: boolean;
  run: string | null;
  test: string | null;
}

/** Start a dry run of the deployed workflow, or of `value` if it is not undefined. Return the id of the run. */
export async function startDryRun(
  workspace: string,
  path: string,
  value: Json | undefined,
  args: Json,
  options: DryRunOptions,
): Promise<string> {
  if (value === undefined) {
    const { data } = await api.POST("/api/w/{workspace}/jobs/dry_run/f/{path}", {
      params: { path: { workspace, path } },
      body: { ...options, args } as never,
      parseAs: "text",
    });
    return String(data);
  }
  const { data } = await api.POST("/api/w/{workspace}/jobs/dry_run/preview_flow", {
    params: { path: { workspace } },
    body: { ...options, args, value, path } as never,
    parseAs: "text",
  });
  return String(data);
}

/** Query of the report on a dry run that has ended. */
export const dryRunQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ["run", workspace, id, "dry-run"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/jobs/dry_run/get/{id}", {
        params: { path: { workspace, id } },
      });
      return data as DryRunReport;
    },
  });
