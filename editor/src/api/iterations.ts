import type { Node } from "../workflow/outline";
import { api } from "./client";

/** State of a node in an iteration. `job`: its job, if it has one. */
export interface BodyState {
  status: string;
  job?: string;
  duration_ms?: number;
  /** True if it is reused from an earlier run; it has no duration then. */
  kept?: boolean;
}

/** Iteration of a loop, or branch, with its job, status and duration. */
export interface Body extends BodyState {
  job: string;
}

/** Iteration or job with its times and worker. `node`: node of the job; `run`: the run that executed it, once it has ended. */
export interface TimedBody extends Body {
  run?: string;
  node: string | null;
  kind: string;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  worker: string | null;
}

interface JobRow {
  id: string;
  job_kind: string;
  node_kind?: string;
  type: string;
  running?: boolean;
  success?: boolean;
  canceled?: boolean;
  is_skipped?: boolean;
  duration_ms?: number | null;
  flow_step_id?: string;
  parent_job?: string;
  created_at: string;
  started_at?: string;
  completed_at?: string;
  worker?: string;
}

function stateOf(row: JobRow): BodyState {
  // An ended body has no start time.
  const known = typeof row.duration_ms === "number" && row.started_at !== row.completed_at;
  const took = known ? { duration_ms: row.duration_ms as number } : {};
  if (row.type !== "CompletedJob" && row.node_kind === "approval") return { status: "waiting" };
  if (row.type !== "CompletedJob") return { status: row.running ? "running" : "queued" };
  if (row.canceled) return { status: "cancelled", ...took };
  if (row.is_skipped) return { status: "skipped", ...took };
  return { status: row.success ? "succeeded" : "failed", ...took };
}

/** Fetch a page (from 1) of iterations, in their order. `parent`: the run, or the body around the loop. */
export async function listBodies(
  workspace: string,
  parent: string,
  loop: string,
  page: number,
  most: number,
): Promise<TimedBody[]> {
  const { data } = await api.GET("/api/w/{workspace}/jobs/list", {
    params: { path: { workspace }, query: { parent_job: parent, node: loop, page, per_page: most } },
  });
  return ((data ?? []) as unknown as JobRow[]).map(bodyOf);
}

/** Mark an iteration as reused if it is not of this run. Its duration is that of the earlier run. */
export function markReused<T extends TimedBody>(body: T, run: string | undefined): T {
  if (run === undefined || body.run === undefined || body.run === run) return body;
  const { duration_ms: _, ...reused } = body;
  return { ...(reused as T), kept: true };
}

const LIMIT = 1000;

/** Fetch the jobs in an iteration of a loop of several nodes. */
export async function listInside(workspace: string, body: string): Promise<TimedBody[]> {
  const { data } = await api.GET("/api/w/{workspace}/jobs/list", {
    params: { path: { workspace }, query: { parent_job: body, per_page: LIMIT } },
  });
  return ((data ?? []) as unknown as JobRow[]).map(bodyOf);
}

/** Fetch the first thousand iterations of a nested loop. */
export const listNested = (workspace: string, parent: string, loop: string): Promise<TimedBody[]> =>
  listBodies(workspace, parent, loop, 1, LIMIT);

const bodyOf = (row: JobRow): TimedBody => ({
  job: row.id,
  ...stateOf(row),
  ...(row.type === "CompletedJob" && row.parent_job !== undefined ? { run: row.parent_job } : {}),
  node: row.flow_step_id ?? null,
  kind: row.node_kind ?? row.job_kind,
  created_at: row.created_at,
  started_at: row.started_at ?? null,
  ended_at: row.completed_at ?? null,
  worker: row.worker ?? null,
});

const MODULES: Record<string, string> = {
  WaitingForPriorSteps: "pending",
  WaitingForEvents: "waiting",
  WaitingForExecutor: "queued",
  InProgress: "running",
  Success: "succeeded",
  Failure: "failed",
};

interface ModuleRow {
  id?: string;
  type: string;
  job?: string;
  skipped?: boolean;
}

/** Fetch the states of the nodes in an iteration. A body of one node is the job of that node. */
export async function nodeStatesIn(
  workspace: string,
  body: Body,
  inside: readonly Node[],
): Promise<Record<string, BodyState>> {
  const [only] = inside;
  if (only && inside.length === 1) return { [only.id]: body };
  const [{ data }, jobs] = await Promise.all([
    api.GET("/api/w/{workspace}/jobs_u/get/{id}", { params: { path: { workspace, id: body.job } } }),
    listInside(workspace, body.job),
  ]);
  const times = new Map(jobs.map(({ job, duration_ms }) => [job, duration_ms]));
  const status = (data as { flow_status?: { modules?: ModuleRow[] } } | undefined)?.flow_status;
  return Object.fromEntries(
    (status?.modules ?? []).map(({ id, type, job, skipped }) => {
      // A skipped node has the type of a success, and the id of a job that does not exist.
      if (skipped) return [id ?? "", { status: "skipped" }];
      const took = job && !body.kept ? times.get(job) : undefined;
      return [
        id ?? "",
        {
          status: MODULES[type] ?? "pending",
          ...(job && !/^0+(-0+)*$/.test(job) ? { job } : {}),
          ...(took === undefined ? {} : { duration_ms: took }),
          ...(body.kept ? { kept: true } : {}),
        },
      ];
    }),
  );
}
