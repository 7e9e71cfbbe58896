import { laneOf } from "../workflow/commands";
import type { Outline } from "../workflow/outline";

export type Direction = "up" | "down" | "left" | "right";

/** The node that an arrow key selects: up and down along edges and through containers, left and right among parallel nodes. */
export function neighbour(graph: Outline, from: string | undefined, direction: Direction): string | undefined {
  const node = from === undefined ? undefined : graph.byId.get(from);
  if (!node || node.list.length < 2) return graph.main.nodes[0]?.id;
  const lane = laneOf(graph, node);
  if (direction === "down") {
    const inner = node.lanes[0]?.nodes[0]?.id;
    const next = lane.edges.find((edge) => edge.from === node.id)?.to;
    return inner ?? next ?? nodeAfterContainer(graph, node.inside);
  }
  if (direction === "up") return lane.edges.find((edge) => edge.to === node.id)?.from ?? node.inside ?? undefined;
  const step = direction === "right" ? 1 : -1;
  return lane.nodes[lane.nodes.indexOf(node) + step]?.id;
}

/** The node after the container of a node. */
function nodeAfterContainer(graph: Outline, id: string | null): string | undefined {
  const node = id === null ? undefined : graph.byId.get(id);
  if (!node) return undefined;
  return laneOf(graph, node).edges.find((edge) => edge.from === node.id)?.to ?? nodeAfterContainer(graph, node.inside);
}
