import { queryOptions } from "@tanstack/react-query";
import { ApiError } from "../lib/api-error";
import { t } from "../texts/api";
import type { Json } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type RunGraph = components["schemas"]["Graph"];
export type NodeState = components["schemas"]["NodeSnapshot"];
export type RunAbout = components["schemas"]["About"];

/** Query of the facts of a run: workflow, version, user, trigger. */
export const aboutQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ["run", workspace, id, "about"],
    queryFn: async () => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/about", {
        params: { path: { run_id: id } },
        headers: { "X-Workspace": workspace },
      });
      return data as RunAbout;
    },
  });

export type RunFailureReport = components["schemas"]["RunFailureReport"];

/** Query of the first error of a failed run, and the last successful run before it. */
export const failureQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ["run", workspace, id, "failure"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/failure", {
        params: { path: { run_id: id } },
        headers: { "X-Workspace": workspace },
      });
      return data ?? {};
    },
  });

/** The text of the document of a run; `tree`: the parsed text if it is YAML and the server has it. */
export type RunDocument = { text: string; tree?: Json };

/** Query of the document of a run, which never changes. */
export const documentQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ["run", workspace, id, "document"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<RunDocument> => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/document", {
        params: { path: { run_id: id } },
        headers: { "X-Workspace": workspace },
      });
      return (data as RunDocument | undefined) ?? { text: "" };
    },
  });

/** Start the deployed workflow at a path. Return the id of the run. */
export async function startFlow(workspace: string, path: string, args: Json): Promise<string> {
  const { data } = await api.POST("/api/w/{workspace}/jobs/run/f/{path}", {
    params: { path: { workspace, path }, header: { "X-Trigger": "manual" } } as never,
    body: args as never,
    parseAs: "text",
  });
  return String(data);
}

/** Start a workflow that need not be deployed. Return the id of the run. */
export async function startPreview(workspace: string, path: string, value: Json, args: Json): Promise<string> {
  const { data } = await api.POST("/api/w/{workspace}/jobs/run/preview_flow", {
    params: { path: { workspace } },
    body: { value, args, path } as never,
    parseAs: "text",
  });
  return String(data);
}

/** Cancel a run. `force`: do not wait for workers. */
export async function cancelRun(workspace: string, id: string, force = false): Promise<void> {
  const request = {
    params: { path: { workspace, id } },
    body: { reason: t("api.cancelReason") },
    parseAs: "text",
  } as const;
  if (force) await api.POST("/api/w/{workspace}/jobs_u/queue/force_cancel/{id}", request);
  else await api.POST("/api/w/{workspace}/jobs_u/queue/cancel/{id}", request);
}

/** Fetch the result of a run or job. Throws ApiError 404 if it has not ended. */
export async function fetchResult(workspace: string, id: string): Promise<Json> {
  const { data } = await api.GET("/api/w/{workspace}/jobs_u/completed/get_result/{id}", {
    params: { path: { workspace, id } },
  });
  return (data ?? null) as Json;
}

const TRIES = 5;

/** Query of a value of a run or job, the result by default. Retried, as it may be missing just after the end. */
export const valueQuery = (
  workspace: string,
  run: string,
  part: string,
  fetch: (workspace: string, run: string) => Promise<unknown> = fetchResult,
) =>
  queryOptions({
    queryKey: ["value", part, workspace, run],
    queryFn: () => fetch(workspace, run),
    retry: (count, error) => count < TRIES && error instanceof ApiError && error.status === 404,
    retryDelay: 300,
    staleTime: Number.POSITIVE_INFINITY,
  });

const LAST_RUNS = 3;

/** Fetch the ids of the last ended runs of a path, including tests but not dry runs, newest first. */
export async function lastRuns(workspace: string, path: string): Promise<string[]> {
  const { data } = await api.GET("/api/w/{workspace}/jobs/completed/list", {
    params: {
      path: { workspace },
      query: {
        script_path_exact: path,
        job_kinds: "flow,flowpreview",
        has_null_parent: true,
        per_page: LAST_RUNS,
      } as never,
    },
  });
  return (data ?? []).filter(({ trigger_kind }) => trigger_kind !== "dry_run").map((each) => each.id);
}

/** Fetch the states of the nodes of a run. */
export async function fetchGraph(workspace: string, id: string): Promise<RunGraph> {
  const { data } = await api.GET("/api/v1/runs/{run_id}/graph", {
    params: { path: { run_id: id } },
    headers: { "X-Workspace": workspace },
  });
  if (!data) throw new Error(t("api.noData"));
  return data as RunGraph;
}

/** Fetch the inputs of a run or job. */
export async function fetchArgs(workspace: string, id: string): Promise<Json> {
  const { data } = await api.GET("/api/w/{workspace}/jobs_u/get_args/{id}", { params: { path: { workspace, id } } });
  return (data ?? null) as Json;
}

/** Decide an approval of a run. */
export async function decideApproval(workspace: string, run: string, node: string, approved: boolean): Promise<void> {
  await api.POST("/api/v1/runs/{id}/consent", {
    params: { path: { id: run }, header: { "X-Workspace": workspace } } as never,
    headers: { "X-Workspace": workspace },
    body: { decision: approved ? "approved" : "rejected", node } as never,
  });
}
