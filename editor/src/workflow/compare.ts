import type { Edge, Lane, Node, Outline } from "./outline";

/** An edge as the server names it. */
interface DifferingEdge {
  source: string;
  target: string;
  on: string;
}

/** The nodes and edges that differ between two versions, as far as the graph shows them. */
export interface GraphDifference {
  added?: readonly { id: string }[];
  removed?: readonly { id: string }[];
  changed?: readonly { id: string }[];
  moved?: readonly { id: string }[];
  renamed?: readonly { before: string; after: string }[];
  edges_added?: readonly DifferingEdge[];
  edges_removed?: readonly DifferingEdge[];
  edges_moved?: readonly { before: DifferingEdge; after: DifferingEdge }[];
}

/** The difference of a node or an edge between two versions. */
export type Mark = "added" | "removed" | "changed" | "moved" | "renamed";

/** Two workflows as one graph: the later one, with removed nodes and edges in their former positions. */
export interface Compared {
  graph: Outline;
  nodes: Map<string, Mark>;
  edges: Map<string, Mark>;
}

export const edgeKey = (edge: { from: string; to: string; on: string }): string => `${edge.from}→${edge.to}:${edge.on}`;

/** Return one graph of both sides. `difference`: the differences that the server found. */
export function compareGraphs(before: Outline, after: Outline, difference: GraphDifference): Compared {
  const names = new Map((difference.renamed ?? []).map((each) => [each.before, each.after]));
  const removed = new Set((difference.removed ?? []).map((each) => each.id));
  const graph = copy(after);
  for (const key of ["preprocessor", "failure"] as const) {
    const lost = before[key];
    if (!lost || graph[key]) continue;
    graph[key] = withoutContents(lost, null);
    graph.byId.set(lost.id, graph[key]);
  }
  for (const lane of lanesOf(before)) restoreRemoved({ graph, before, names, gone: removed }, lane);
  return { graph, nodes: nodeMarks(difference), edges: edgeMarks(difference) };
}

function nodeMarks(difference: GraphDifference): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const each of difference.moved ?? []) marks.set(each.id, "moved");
  for (const each of difference.renamed ?? []) marks.set(each.after, "renamed");
  for (const each of difference.changed ?? []) marks.set(each.id, "changed");
  for (const each of difference.added ?? []) marks.set(each.id, "added");
  for (const each of difference.removed ?? []) marks.set(each.id, "removed");
  return marks;
}

function edgeMarks(difference: GraphDifference): Map<string, Mark> {
  const key = (edge: DifferingEdge) => edgeKey({ from: edge.source, to: edge.target, on: edge.on });
  const marks = new Map<string, Mark>();
  for (const each of difference.edges_removed ?? []) marks.set(key(each), "removed");
  for (const each of difference.edges_moved ?? []) {
    marks.set(key(each.before), "removed");
    marks.set(key(each.after), "moved");
  }
  for (const each of difference.edges_added ?? []) marks.set(key(each), "added");
  return marks;
}

interface Both {
  graph: Outline;
  before: Outline;
  names: Map<string, string>;
  gone: Set<string>;
}

function lanesOf(graph: Outline): Lane[] {
  return [graph.main, ...[...graph.byId.values()].flatMap((node) => node.lanes)];
}

/** Return the list of the later graph that corresponds to an earlier one. A removed list is added to its holder. */
function laneFor({ graph, before, names, gone }: Both, lane: Lane): Lane | null {
  const id = lane.nodes[0]?.inside;
  if (!id) return graph.main;
  const held = before.byId.get(id);
  const holder = graph.byId.get(gone.has(id) ? id : (names.get(id) ?? id));
  if (!held || !holder) return null;
  const place = held.lanes.indexOf(lane);
  const there = holder.lanes[place];
  if (there) return there;
  const made: Lane = { ...lane, path: ["before", ...lane.path], nodes: [], edges: [] };
  holder.lanes.push(made);
  return made;
}

/** Restore the removed nodes and edges of a list. Holders precede their contents. */
function restoreRemoved(both: Both, lane: Lane): void {
  const { graph, names, gone } = both;
  const nameOf = (id: string) => (gone.has(id) ? id : (names.get(id) ?? id));
  if (lane.nodes.length === 0) return;
  const target = laneFor(both, lane);
  if (!target) return;
  for (const [place, node] of lane.nodes.entries()) {
    if (!gone.has(node.id) || graph.byId.has(node.id)) continue;
    const back = withoutContents(node, holderOf(graph, target));
    graph.byId.set(node.id, back);
    const previous = lane.nodes.slice(0, place).findLast((each) => has(target, nameOf(each.id)));
    const index = previous ? target.nodes.findIndex((each) => each.id === nameOf(previous.id)) + 1 : 0;
    target.nodes.splice(index, 0, back);
  }
  const known = new Set(target.edges.map(edgeKey));
  for (const edge of lane.edges) {
    const named: Edge = { ...edge, from: nameOf(edge.from), to: nameOf(edge.to) };
    if (known.has(edgeKey(named)) || !has(target, named.from) || !has(target, named.to)) continue;
    target.edges.push(named);
  }
}

/** Return an earlier node with empty lists, which are filled afterwards. Its paths belong to no document. */
function withoutContents(node: Node, inside: string | null): Node {
  const lanes = node.lanes.map((lane): Lane => ({ ...lane, path: ["before", ...lane.path], nodes: [], edges: [] }));
  return { ...node, path: ["before", ...node.path], inside, lanes };
}

const has = (lane: Lane, id: string): boolean => lane.nodes.some((node) => node.id === id);

function holderOf(graph: Outline, lane: Lane): string | null {
  for (const node of graph.byId.values()) if (node.lanes.includes(lane)) return node.id;
  return null;
}

function copy(graph: Outline): Outline {
  const byId = new Map<string, Node>();
  const node = (each: Node): Node => {
    const made: Node = { ...each, lanes: [] };
    byId.set(made.id, made);
    made.lanes = each.lanes.map(lane);
    return made;
  };
  const lane = (each: Lane): Lane => ({ ...each, nodes: each.nodes.map(node), edges: [...each.edges] });
  const main = lane(graph.main);
  const alone = (each: Node | null) => (each ? node(each) : null);
  return { main, failure: alone(graph.failure), preprocessor: alone(graph.preprocessor), byId };
}
