import { layout as dagre, Graph } from "@dagrejs/dagre";
import type { Lane, Node, Outline } from "./outline";
import { at, isTree, type Json } from "./types";

export const NODE = { width: 232, height: 60 };
export const HEAD = 44;
export const LANE_HEAD = 26;
const PAD = 20;
const GAP = { between: 40, rank: 56 };
const EMPTY = { width: NODE.width, height: 44 };

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where everything is drawn: nodes by id and lanes by their path, each beside its parent's top left corner. */
export interface Layout {
  nodes: Map<string, Box>;
  lanes: Map<string, Box>;
}

export const laneKey = (lane: Lane): string => lane.path.join(".");

/** Places every node. Nodes of the main list that the document gives a place (`ui.nodes`) stand there. */
export function layout(outline: Outline, tree: Json): Layout {
  const made: Layout = { nodes: new Map(), lanes: new Map() };
  const size = placeLane(outline.main, made);
  const given = at(tree, ["value", "ui", "nodes"]);
  if (isTree(given)) {
    for (const node of outline.main.nodes) {
      const place = given[node.id];
      const box = made.nodes.get(node.id);
      if (box && isTree(place) && typeof place.x === "number" && typeof place.y === "number") {
        made.nodes.set(node.id, { ...box, x: place.x, y: place.y });
      }
    }
  }
  let x = size.width + GAP.between;
  for (const node of [outline.preprocessor, outline.failure]) {
    if (!node) continue;
    const box = sizeOf(node, made);
    made.nodes.set(node.id, { ...box, x, y: 0 });
    x += box.width + GAP.between;
  }
  return made;
}

function placeLane(lane: Lane, made: Layout): { width: number; height: number } {
  if (lane.nodes.length === 0) return EMPTY;
  const sizes = new Map(lane.nodes.map((node) => [node.id, sizeOf(node, made)]));
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: GAP.between, ranksep: GAP.rank });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of lane.nodes) graph.setNode(node.id, { ...(sizes.get(node.id) ?? EMPTY) });
  for (const edge of lane.edges) {
    if (sizes.has(edge.from)) graph.setEdge(edge.from, edge.to, {}, edge.on);
  }
  dagre(graph);
  let width = 0;
  let height = 0;
  for (const node of lane.nodes) {
    const placed = graph.node(node.id) as { x: number; y: number; width: number; height: number };
    const box = {
      x: Math.round(placed.x - placed.width / 2),
      y: Math.round(placed.y - placed.height / 2),
      width: placed.width,
      height: placed.height,
    };
    made.nodes.set(node.id, box);
    width = Math.max(width, box.x + box.width);
    height = Math.max(height, box.y + box.height);
  }
  return { width, height };
}

function sizeOf(node: Node, made: Layout): Box {
  if (node.lanes.length === 0) return { x: 0, y: 0, ...NODE };
  let x = PAD;
  let height = 0;
  for (const lane of node.lanes) {
    const inner = placeLane(lane, made);
    const titled = lane.title ? LANE_HEAD : 0;
    const box = { x, y: HEAD, width: inner.width + 2 * PAD, height: inner.height + 2 * PAD + titled };
    made.lanes.set(laneKey(lane), box);
    shift(lane, made, x + PAD, HEAD + PAD + titled);
    x += box.width + PAD;
    height = Math.max(height, box.height);
  }
  for (const lane of node.lanes) {
    const box = made.lanes.get(laneKey(lane));
    if (box) box.height = height;
  }
  return { x: 0, y: 0, width: Math.max(x, NODE.width), height: HEAD + height + PAD };
}

function shift(lane: Lane, made: Layout, dx: number, dy: number): void {
  for (const node of lane.nodes) {
    const box = made.nodes.get(node.id);
    if (box) made.nodes.set(node.id, { ...box, x: box.x + dx, y: box.y + dy });
  }
}
