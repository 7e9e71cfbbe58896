import { laneOf } from "./commands";
import type { Outline } from "./outline";

/** Return nodes with all nodes before them in their lists (`up`) or after them (`down`). */
export function withConnected(graph: Outline, ids: readonly string[], way: "up" | "down"): string[] {
  const found = new Set<string>();
  for (const id of ids) {
    const node = graph.byId.get(id);
    if (!node) continue;
    found.add(id);
    if (node.list.length < 2) continue;
    const { edges } = laneOf(graph, node);
    const seen = new Set([id]);
    for (const each of seen) {
      for (const { from, to } of edges) {
        if (way === "up" && to === each) seen.add(from);
        if (way === "down" && from === each) seen.add(to);
      }
    }
    for (const each of seen) if (graph.byId.has(each)) found.add(each);
  }
  return [...found];
}
