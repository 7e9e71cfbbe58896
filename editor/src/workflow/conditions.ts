import { applyEdit, type Edit } from "./edit";
import { allLanes } from "./lanes";
import { type Edge, type Lane, type Outline, outline } from "./outline";
import type { Json, Outcome } from "./types";

/** Return the outcome for the next edge that leaves a node: of a condition first `true`, then `false`. */
export function nextOutcome(lane: Lane, from: string): Outcome {
  if (!isCondition(lane, from)) return "success";
  const used = new Set(lane.edges.filter((edge) => edge.from === from).map((edge) => edge.on));
  return used.has("true") && !used.has("false") ? "false" : "true";
}

/**
 * Return the edits, and further ones that replace `success` by the next outcome of the condition on each edge from a
 * condition that the edits add: a success edge is taken whether the condition is true or false.
 */
export function withOutcomes(tree: Json, graph: Outline, edits: readonly Edit[]): Edit[] {
  const before = new Set(successEdges(graph).map(({ edge }) => keyOf(edge)));
  const made = [...edits];
  let now = edits.reduce(applyEdit, tree);
  for (;;) {
    const found = successEdges(outline(now)).find(({ edge }) => !before.has(keyOf(edge)));
    if (!found) return made;
    const edit = outcomeEdit(found.lane, found.edge);
    made.push(edit);
    now = applyEdit(now, edit);
  }
}

function outcomeEdit(lane: Lane, edge: Edge): Edit {
  const target = lane.nodes.find((node) => node.id === edge.to);
  const value = lane.edges
    .filter((each) => each.to === edge.to)
    .map((each) => need(each.from, each === edge ? nextOutcome(lane, edge.from) : each.on));
  return { op: "set", path: [...(target?.path ?? []), "needs"], value };
}

/** Return an edge as an entry of `needs`. */
export const need = (from: string, on: Outcome): Json => (on === "success" ? from : { node: from, on });

function isCondition(lane: Lane, id: string): boolean {
  return lane.nodes.some((node) => node.id === id && node.kind === "condition");
}

function successEdges(graph: Outline): { lane: Lane; edge: Edge }[] {
  return allLanes(graph).flatMap((lane) =>
    lane.edges.filter((edge) => edge.on === "success" && isCondition(lane, edge.from)).map((edge) => ({ lane, edge })),
  );
}

const keyOf = ({ from, to }: Edge): string => `${from} ${to}`;
