import type { InfiniteData } from "@tanstack/react-query";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { INTERVALS } from "../lib/run-histogram";
import { t } from "../texts/api";
import { api } from "./client";
import { filterOf, isTest, type RunFilter, toQuery } from "./run-filter";
import type { components } from "./schema";
import { waitBeside } from "./wait-text";

type Row = components["schemas"]["QueuedJob"] | components["schemas"]["CompletedJob"];
export type RunHistogram = components["schemas"]["Histogram"];

/** Run in a list. `path` is "" for a preview without a path. `why`: reason for waiting, if the status does not say it. */
export interface RunRow {
  id: string;
  status: string;
  path: string;
  /** Name of the workflow or script at `path`; "" without one. */
  summary: string;
  tested: boolean;
  flow: boolean;
  trigger: string;
  by: string;
  created_at: string;
  started_at: string | null;
  duration_ms: number | null;
  ended: boolean;
  why: string;
}

export interface RunPage {
  rows: RunRow[];
  /** The page is the last one. */
  end: boolean;
}

export const PAGE = 100;
/** Maximum number of runs that one call cancels or reruns. */
export const LIMIT = 1000;

export function toRunRow(row: Row): RunRow {
  return {
    id: row.id,
    status: statusOf(row),
    path: row.script_path ?? "",
    summary: row.script_summary ?? "",
    tested: isTest(row.job_kind),
    flow: row.job_kind.startsWith("flow"),
    trigger: row.schedule_path ? `schedule ${row.schedule_path}` : row.trigger_kind,
    by: row.created_by,
    created_at: row.created_at,
    started_at: row.started_at ?? null,
    duration_ms: row.type === "CompletedJob" ? row.duration_ms : null,
    ended: row.type === "CompletedJob",
    why: row.type === "QueuedJob" && row.wait ? waitBeside(statusOf(row), row.wait) : "",
  };
}

function statusOf(row: Row): string {
  if (row.type === "QueuedJob") {
    if (row.canceled) return "cancelling";
    if (row.suspend > 0) return "awaiting_approval";
    if (row.wait?.code === "paused") return "paused";
    return row.running ? "running" : "queued";
  }
  if (row.canceled) return "cancelled";
  if (row.is_skipped) return "skipped";
  return row.success ? "succeeded" : "failed";
}

/** Fetch runs older than the one with the id `before`, or the newest with "". */
export async function listRuns(
  workspace: string,
  filter: RunFilter,
  before: string,
  most: number = PAGE,
): Promise<RunPage> {
  const query = { ...toQuery(filter, Date.now()), per_page: most, ...(before ? { before } : {}) };
  const { data } = await api.GET("/api/w/{workspace}/jobs/list", { params: { path: { workspace }, query } });
  const rows = ((data ?? []) as Row[]).map(toRunRow);
  return { rows, end: rows.length < most };
}

/** Query that returns true if the user can read a run of the workspace. */
export const anyRunQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["any-run", workspace],
    queryFn: async () => {
      const query = { has_null_parent: true, per_page: 1 };
      const { data } = await api.GET("/api/w/{workspace}/jobs/list", { params: { path: { workspace }, query } });
      return (data ?? []).length > 0;
    },
  });

export type RunPages = InfiniteData<RunPage, string>;

export const runsQuery = (workspace: string, filter: RunFilter) =>
  infiniteQueryOptions({
    queryKey: ["runs", workspace, filter],
    queryFn: ({ pageParam }) => listRuns(workspace, filter, pageParam),
    initialPageParam: "",
    getNextPageParam: (page, pages) => (page.end ? undefined : pages.flatMap((each) => each.rows).at(-1)?.id),
    refetchOnWindowFocus: false,
  });

/** Query of the number of runs by time and status. The filter of status does not apply. */
export const histogramQuery = (workspace: string, filter: RunFilter) => {
  const { states: _, ...rest } = filter;
  const unfiltered = { ...rest, states: [] };
  return queryOptions({
    queryKey: ["run-histogram", workspace, unfiltered],
    queryFn: async () => {
      const query = { ...toQuery(unfiltered, Date.now()), buckets: INTERVALS };
      const { data } = await api.GET("/api/w/{workspace}/jobs/histogram", { params: { path: { workspace }, query } });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });
};

/** Query of the runs of a workspace, without tests, over a time range that ends now, one of WINDOWS. */
export const runsOverTimeQuery = (workspace: string, last: string) =>
  histogramQuery(workspace, filterOf(new URLSearchParams({ last, tests: "none" })));

/** Fetch the ids of the runs of a filter, at most LIMIT. `live`: only unfinished runs. */
export async function findRunIds(workspace: string, filter: RunFilter, live: boolean): Promise<string[]> {
  const params = { path: { workspace }, query: { ...toQuery(filter, Date.now()), per_page: LIMIT } };
  const { data } = live
    ? await api.GET("/api/w/{workspace}/jobs/queue/list_filtered_uuids", { params })
    : await api.GET("/api/w/{workspace}/jobs/list_filtered_uuids", { params });
  return data ?? [];
}

/** Cancel runs. Return the number of runs that had not ended. */
export async function cancelRuns(workspace: string, ids: string[]): Promise<number> {
  const { data } = await api.POST("/api/w/{workspace}/jobs/queue/cancel_selection", {
    params: { path: { workspace } },
    body: ids,
  });
  return data?.length ?? 0;
}

/** Rerun runs with their inputs and versions. Return the number of started runs and the errors of the others. */
export async function rerunRuns(workspace: string, ids: string[]): Promise<{ made: number; refused: string[] }> {
  const { data } = await api.POST("/api/w/{workspace}/jobs/run/batch_rerun_jobs", {
    params: { path: { workspace } },
    body: { job_ids: ids } as never,
    parseAs: "text",
  });
  const lines = String(data).split("\n").filter(Boolean);
  const refused = lines.filter((line) => line.startsWith("Error")).map((line) => line.replace(/^Error: /, ""));
  return { made: lines.length - refused.length, refused };
}
