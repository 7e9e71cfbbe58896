import { t } from "../texts/workflow";
import type { Lane, Node, Outline } from "./outline";

/** A command that is not possible; its message is shown to the user. */
export class CommandError extends Error {}

/** Return all lists of the workflow, the main one first. */
export function allLanes(graph: Outline): Lane[] {
  return [graph.main, ...[...graph.byId.values()].flatMap((each) => each.lanes)];
}

export function laneOf(graph: Outline, node: Node): Lane {
  if (node.list === graph.main.path) return graph.main;
  const lanes = node.inside ? (graph.byId.get(node.inside)?.lanes ?? []) : [graph.main];
  const key = node.list.join(".");
  const found = lanes.find((lane) => lane.path.join(".") === key);
  if (!found) throw new CommandError(t("workflow.outsideGraph", { node: node.id }));
  return found;
}

export function leadsTo(lane: Lane, from: string, to: string): boolean {
  return downstreamOf(lane, from).has(to);
}

/** Return a node of a list and all nodes that follow it there. */
export function downstreamOf(lane: Lane, from: string): Set<string> {
  const next = new Map<string, string[]>();
  for (const edge of lane.edges) next.set(edge.from, [...(next.get(edge.from) ?? []), edge.to]);
  const seen = new Set([from]);
  for (const id of seen) for (const each of next.get(id) ?? []) seen.add(each);
  return seen;
}
