import type { Lane } from "./outline";

const HANDLING = new Set(["failure", "rejected", "timeout"]);

/**
 * Return the ids of the nodes whose outputs are the result of a list: the last node, or in a graph each node
 * without outgoing edges that starts the graph or follows another node on an outcome other than an error.
 */
export function resultNodes(lane: Lane): string[] {
  if (!lane.edges.some((edge) => edge.explicit)) return lane.nodes.slice(-1).map((node) => node.id);
  const ids = lane.nodes.map((node) => node.id);
  return ids.filter((id) => {
    const into = lane.edges.filter((edge) => edge.to === id);
    const ends = !lane.edges.some((edge) => edge.from === id && !HANDLING.has(edge.on));
    return ends && (into.length === 0 || into.some((edge) => !HANDLING.has(edge.on)));
  });
}
