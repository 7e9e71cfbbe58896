import type { Lane, Node, Outline } from "./outline";

/** Return the place of each node in the graph: a node comes after those that lead to it, and before its content. */
export function graphOrder({ preprocessor, main, failure }: Outline): Map<string, number> {
  const ids: string[] = [];
  const add = (node: Node) => {
    ids.push(node.id);
    for (const lane of node.lanes) sorted(lane).forEach(add);
  };
  for (const node of [preprocessor, ...sorted(main), failure]) if (node) add(node);
  return new Map(ids.map((id, place) => [id, place]));
}

/** Sort the nodes of a list by their distance from its start, then by their place in the list. */
function sorted({ nodes, edges }: Lane): Node[] {
  const depth = new Map(nodes.map((node) => [node.id, 0]));
  // A longest path visits each node at most once; a cycle in an invalid draft ends with the rounds.
  for (let round = 0, moved = true; moved && round < nodes.length; round++) {
    moved = false;
    for (const { from, to } of edges) {
      const next = (depth.get(from) ?? -1) + 1;
      if (next <= (depth.get(to) ?? next)) continue;
      depth.set(to, next);
      moved = true;
    }
  }
  return [...nodes].sort(
    (one, other) => (depth.get(one.id) ?? 0) - (depth.get(other.id) ?? 0) || one.index - other.index,
  );
}
