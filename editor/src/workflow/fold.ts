import type { Group } from "./groups";
import { edgeId } from "./layout";
import type { Lane, Node, Outline } from "./outline";

/** The kind of the node that represents a folded group; its id is the key of the group. */
export const FOLDED = "folded";

/**
 * Return the graph with one node for each folded group, which gets the edges that enter and leave the group. A group with a
 * node among `open` is not folded.
 */
export function foldGroups(graph: Outline, groups: readonly Group[], open: readonly string[]): Outline {
  const owners = new Map<string, Group>();
  for (const group of groups) {
    if (!group.folded || group.ids.some((id) => open.includes(id))) continue;
    for (const id of group.ids) if (!owners.has(id)) owners.set(id, group);
  }
  return owners.size === 0 ? graph : { ...graph, main: foldLane(graph.main, owners) };
}

function foldLane(lane: Lane, owners: Map<string, Group>): Lane {
  const placed = new Set<string>();
  const nodes = lane.nodes.flatMap((node): Node[] => {
    const group = owners.get(node.id);
    if (!group) return [{ ...node, lanes: node.lanes.map((each) => foldLane(each, owners)) }];
    if (placed.has(group.key)) return [];
    placed.add(group.key);
    return [{ ...node, id: group.key, kind: FOLDED, language: "", summary: group.summary, lanes: [] }];
  });
  const ownerOf = (id: string) => owners.get(id)?.key ?? id;
  const redirected = lane.edges.map((edge) => ({ ...edge, from: ownerOf(edge.from), to: ownerOf(edge.to) }));
  const edges = new Map(redirected.filter(({ from, to }) => from !== to).map((edge) => [edgeId(edge), edge]));
  return { ...lane, nodes, edges: [...edges.values()] };
}
