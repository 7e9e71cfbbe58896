import { laneOf } from "../workflow/commands";
import type { Outline } from "../workflow/outline";
import { at, isTree, type Json } from "../workflow/types";

const MOST = 60;
const WORD = /^[A-Za-z_$][\w$]*$/;

/** Ids of the nodes whose results a node may read: what leads to it, and to the boxes around it. */
export function ancestors(graph: Outline, id: string): string[] {
  const found = new Set<string>();
  for (let node = graph.byId.get(id); node; node = node.inside ? graph.byId.get(node.inside) : undefined) {
    if (node.list.length < 2) break;
    const { edges } = laneOf(graph, node);
    const seen = new Set([node.id]);
    for (const each of seen) for (const edge of edges) if (edge.to === each) seen.add(edge.from);
    seen.delete(node.id);
    for (const each of seen) found.add(each);
  }
  return [...found];
}

/** What an expression of a node can be about, as text to insert: inputs, results with the fields they really had. */
export function reachable(tree: Json, graph: Outline, id: string, results: Record<string, Json>): string[] {
  const inputs = at(tree, ["schema", "properties"]);
  const offers = Object.keys(isTree(inputs) ? inputs : {}).map((name) => `flow_input${member(name)}`);
  for (let node = graph.byId.get(id); node; node = node.inside ? graph.byId.get(node.inside) : undefined) {
    const around = node.inside ? graph.byId.get(node.inside) : undefined;
    if (around?.kind === "forloopflow" || around?.kind === "whileloopflow") {
      offers.push("flow_input.iter.value", "flow_input.iter.index");
      break;
    }
  }
  for (const each of ancestors(graph, id)) {
    offers.push(`results${member(each)}`);
    const result = results[each];
    if (isTree(result ?? null)) {
      for (const name of Object.keys(result as object)) offers.push(`results${member(each)}${member(name)}`);
    }
  }
  return offers.slice(0, MOST);
}

function member(name: string): string {
  return WORD.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
