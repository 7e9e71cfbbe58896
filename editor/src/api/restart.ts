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

/** Where a run goes on: from the outside in; null: where it failed. */
export type RestartPoint = readonly Step[] | null;

/**
 * The way to a node, through the iterations that are shown (`place` counts from 1) and the branches that it stands in.
 * `into`: the iteration of the node itself. Gives the id of a loop instead of which no iteration is shown.
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
    const number = bodyOf(holder, node, iterations);
    if (number === undefined) return holder.id;
    steps.unshift({ step_id: holder.id, branch_or_iteration_n: number });
  }
  return steps;
}

/** The number of the body, from 0, in which a node stands; null where the server knows it. */
function bodyOf(
  holder: Node,
  node: Node,
  places: Readonly<Record<string, { place: number }>>,
): number | null | undefined {
  if (holder.kind === "branchone") return null;
  if (holder.kind === "branchall") return Number(node.list[node.list.indexOf("branches", holder.path.length) + 1]);
  const place = places[holder.id]?.place;
  return place === undefined ? undefined : place - 1;
}

function bodyOfPoint([first, ...nested]: readonly Step[]) {
  return { ...first, nested_path: nested };
}

/** What going on from there would keep and run. Throws ApiError `cannot_restart` and others. */
export async function previewRestart(workspace: string, id: string, point: RestartPoint): Promise<RestartPreview> {
  const params = { path: { workspace, id } };
  const { data } =
    point === null
      ? await api.POST("/api/w/{workspace}/jobs/retry_preview/f/{id}", { params })
      : await api.POST("/api/w/{workspace}/jobs/restart_preview/f/{id}", { params, body: bodyOfPoint(point) as never });
  return data as RestartPreview;
}

/** Starts a run that goes on from there; gives its id. */
export async function restartRun(workspace: string, id: string, point: RestartPoint): Promise<string> {
  const params = { path: { workspace, id } } as never;
  const { data } =
    point === null
      ? await api.POST("/api/w/{workspace}/jobs/retry/f/{id}", { params, parseAs: "text" })
      : await api.POST("/api/w/{workspace}/jobs/restart/f/{id}", {
          params,
          body: bodyOfPoint(point) as never,
          parseAs: "text",
        });
  return String(data);
}

/** Runs again what a run ran, with these inputs, in its version or in the newest; gives the new run's id. */
export async function rerun(workspace: string, id: string, args: Tree, latest: boolean): Promise<string> {
  const { data } = await api.POST("/api/w/{workspace}/jobs/rerun/{id}", {
    params: { path: { workspace, id }, query: { latest } } as never,
    body: args as never,
    parseAs: "text",
  });
  return String(data);
}

/** The schema of a script's inputs; null where it has none. */
export async function schemaOfScript(workspace: string, hash: string): Promise<Json> {
  const { data } = await api.GET("/api/w/{workspace}/scripts/get/h/{hash}", { params: { path: { workspace, hash } } });
  return ((data as { schema?: Json } | undefined)?.schema ?? null) as Json;
}
