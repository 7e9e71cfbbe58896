import { ApiError } from "../lib/api-error";
import type { Node, Outline } from "../workflow/outline";
import type { Json, Tree } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type RestartPreview = components["schemas"]["RestartPreview"];
export type RestartInside = components["schemas"]["RestartInside"];

interface Step {
  step_id: string;
  branch_or_iteration_n: number | null;
}

/** Point of a restart, from the outermost container to the node; null: the failed node. */
export type RestartPoint = readonly Step[] | null;

/**
 * Return the path to a node through the shown iterations (`place` counts from 1) and branches around it. `into`: the
 * iteration of the node itself. Return the id of a loop instead if none of its iterations is shown.
 */
export function restartPointAt(
  graph: Outline,
  iterations: Readonly<Record<string, { place: number }>>,
  id: string,
  into: number | null = null,
): Step[] | string {
  const steps: Step[] = [{ step_id: id, branch_or_iteration_n: into }];
  for (let node = graph.byId.get(id); node?.inside; node = graph.byId.get(node.inside)) {
    const holder = graph.byId.get(node.inside);
    if (!holder) break;
    const number = bodyIndex(holder, node, iterations);
    if (number === undefined) return holder.id;
    steps.unshift({ step_id: holder.id, branch_or_iteration_n: number });
  }
  return steps;
}

/** Return the index of the body of a node; null if the server determines it, undefined if no iteration is shown. */
function bodyIndex(
  holder: Node,
  node: Node,
  places: Readonly<Record<string, { place: number }>>,
): number | null | undefined {
  if (holder.kind === "branchone") return null;
  if (holder.kind === "branchall") return Number(node.list[node.list.indexOf("branches", holder.path.length) + 1]);
  const place = places[holder.id]?.place;
  return place === undefined ? undefined : place - 1;
}

/** Return the refusal of a restart, with the node from which it is possible if there is one; null for other errors. */
export function restartRefusal(error: unknown): { node: string | null } | null {
  if (!(error instanceof ApiError) || error.code !== "cannot_restart") return null;
  const { nodes } = (error.details ?? {}) as { nodes?: string[] };
  return { node: nodes?.[0] ?? null };
}

function bodyOf([first, ...nested]: readonly Step[], version: number | null) {
  return { ...first, nested_path: nested, flow_version: version };
}

/**
 * Return the nodes that a restart with a version reuses and runs; null: the version of the run. Throws ApiError
 * `cannot_restart` and others.
 */
export async function previewRestart(
  workspace: string,
  id: string,
  point: RestartPoint,
  version: number | null,
): Promise<RestartPreview> {
  const params = { path: { workspace, id } };
  const { data } =
    point === null
      ? await api.POST("/api/w/{workspace}/jobs/retry_preview/f/{id}", { params, body: { flow_version: version } })
      : await api.POST("/api/w/{workspace}/jobs/restart_preview/f/{id}", {
          params,
          body: bodyOf(point, version) as never,
        });
  return data as RestartPreview;
}

/** Restart a run from a point with a version; null: that of the run. Return the id of the new run. */
export async function restartRun(
  workspace: string,
  id: string,
  point: RestartPoint,
  version: number | null,
): Promise<string> {
  const params = { path: { workspace, id } } as never;
  const { data } =
    point === null
      ? await api.POST("/api/w/{workspace}/jobs/retry/f/{id}", {
          params,
          body: { flow_version: version },
          parseAs: "text",
        })
      : await api.POST("/api/w/{workspace}/jobs/restart/f/{id}", {
          params,
          body: bodyOf(point, version) as never,
          parseAs: "text",
        });
  return String(data);
}

/** Rerun with inputs, null: those of the run, in its version or the newest. Return the id of the new run. */
export async function rerun(workspace: string, id: string, args: Tree | null, latest: boolean): Promise<string> {
  const { data } = await api.POST("/api/w/{workspace}/jobs/rerun/{id}", {
    params: { path: { workspace, id }, query: { latest } } as never,
    body: (args ?? undefined) as never,
    parseAs: "text",
  });
  return String(data);
}

/** Return the schema of the inputs of a script; null if it has none. */
export async function schemaOfScript(workspace: string, hash: string): Promise<Json> {
  const { data } = await api.GET("/api/w/{workspace}/scripts/get/h/{hash}", { params: { path: { workspace, hash } } });
  return ((data as { schema?: Json } | undefined)?.schema ?? null) as Json;
}
