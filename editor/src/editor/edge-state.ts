import { laneOf } from "../workflow/commands";
import type { Edge } from "../workflow/outline";
import type { Editor } from "./store";

type Shown = Pick<Editor, "live" | "graph" | "shownIterations">;

const NOT_STARTED = new Set(["pending", "skipped"]);

/** Return whether the shown run took an edge ("taken") or will not take it ("dead"); null: neither is known. */
export function edgeStateOf(editor: Shown, edge: Edge): "taken" | "dead" | null {
  const graph = editor.live?.graph;
  if (!graph) return null;
  const is = (each: unknown[]) => each[0] === edge.from && each[1] === edge.to && each[2] === edge.on;
  if (graph.taken.some(is)) return "taken";
  if (graph.dead.some(is)) return "dead";
  return isTakenInside(editor, edge) ? "taken" : null;
}

/**
 * Return whether an iteration or branch took an edge of its list, as the statuses of both nodes tell: the run reports edges
 * of the top level only. The outcome of a condition or approval is known if no other edge leads to the target.
 */
function isTakenInside(editor: Shown, { from, to, on }: Edge): boolean {
  const target = editor.graph.byId.get(to);
  if (!target?.inside || !statusesOf(editor, to).some((status) => !NOT_STARTED.has(status))) return false;
  const ended = statusesOf(editor, from);
  const [succeeded, failed] = [ended.includes("succeeded"), ended.includes("failed")];
  if (on === "success") return succeeded;
  if (on === "failure") return failed;
  const isOnly = laneOf(editor.graph, target).edges.filter((edge) => edge.to === to).length === 1;
  return (succeeded || failed) && (on === "always" || isOnly);
}

/** Return the status of a nested node in the shown iteration, or its statuses in all iterations. */
function statusesOf({ live, graph, shownIterations }: Shown, id: string): string[] {
  const inside = graph.byId.get(id)?.inside;
  const one = inside ? shownIterations[inside]?.nodes[id] : undefined;
  if (one) return [one.status];
  return Object.entries(live?.nodes[id]?.counts ?? {}).flatMap(([status, count]) => (count > 0 ? [status] : []));
}
