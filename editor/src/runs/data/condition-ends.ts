import type { Editor } from "../../editor/store";
import { isLoop } from "../../workflow/kinds";
import type { Lane } from "../../workflow/outline";
import { resultNodes } from "../../workflow/result-nodes";

/** Number of executions of a node by status. */
type Counts = Readonly<Record<string, number>>;

/** Iterations of a loop that ended at a condition, whose output is null. `total`: null for the shown iteration alone. */
export interface ConditionEnd {
  condition: string;
  count: number;
  total: number | null;
}

/** Return the condition at which the shown iteration of a loop ended, or the conditions at which some of all ended. */
export function conditionEndsOf({ live, graph, shownIterations }: Editor, loop: string): ConditionEnd[] {
  const node = graph.byId.get(loop);
  const lane = node && isLoop(node.kind) ? node.lanes[0] : undefined;
  if (!lane) return [];
  const shown = shownIterations[loop];
  if (shown) {
    if (shown.body?.status !== "succeeded") return [];
    return endsIn(lane, (id) => (shown.nodes[id] ? { [shown.nodes[id].status]: 1 } : {}), 1, null);
  }
  // The counts of the nodes inside are those of this run.
  const { succeeded = 0, kept = 0 } = live?.nodes[loop]?.bodies ?? {};
  const total = succeeded - kept;
  return endsIn(lane, (id) => live?.nodes[id]?.counts ?? {}, total, total);
}

/** Return the condition at which the shown iteration around a skipped node ended; null if it did not end at one. */
export function conditionBefore(editor: Editor, id: string): string | null {
  const loop = editor.graph.byId.get(id)?.inside;
  if (!loop || !editor.shownIterations[loop]) return null;
  return conditionEndsOf(editor, loop)[0]?.condition ?? null;
}

/**
 * Count the iterations without the output of their result node whose condition no node followed. It is known for conditions
 * to whose next nodes no other edge leads.
 */
function endsIn(lane: Lane, countsOf: (id: string) => Counts, bodies: number, total: number | null): ConditionEnd[] {
  const [last, ...others] = resultNodes(lane);
  if (last === undefined || others.length > 0) return [];
  const missing = bodies - (countsOf(last).succeeded ?? 0);
  return lane.nodes.flatMap(({ id, kind }) => {
    const next = lane.edges.filter((edge) => edge.from === id);
    const isOnly = next.every(({ to }) => lane.edges.filter((edge) => edge.to === to).length === 1);
    if (kind !== "condition" || next.length === 0 || !isOnly) return [];
    const followed = new Map<string, number>();
    for (const { to, on } of next) followed.set(on, Math.max(followed.get(on) ?? 0, startsOf(countsOf(to))));
    const ended = (countsOf(id).succeeded ?? 0) - [...followed.values()].reduce((sum, count) => sum + count, 0);
    const count = Math.min(ended, missing);
    return count > 0 ? [{ condition: id, count, total }] : [];
  });
}

const startsOf = ({ pending: _, skipped: __, ...started }: Counts): number =>
  Object.values(started).reduce((sum, count) => sum + count, 0);
