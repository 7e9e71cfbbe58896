import { layout as dagre, Graph } from "@dagrejs/dagre";
import type { Edge, Lane, Node, Outline } from "./outline";
import { at, isTree, type Json } from "./types";

export const NODE = { width: 232, height: 60 };
export const HEAD = 44;
export const LANE_HEAD = 26;
const PAD = 20;
const GAP = { between: 40, edges: 40, rank: 56 };
const EMPTY = { width: NODE.width, height: 44 };

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/**
 * The positions of nodes by id and lanes by path, relative to the top left corner of their parent. `routes`: the points of an
 * edge (edgeId) on a way that crosses no node, relative to the middle of the lower side of its source: alternately a point
 * between two rows and one within a row that it passes. Edges of moved nodes have no route.
 */
export interface Layout {
  nodes: Map<string, Box>;
  lanes: Map<string, Box>;
  routes: Map<string, Point[]>;
}

export const edgeId = (edge: Edge): string => `${edge.from}→${edge.to}:${edge.on}`;

export const laneKey = (lane: Lane): string => lane.path.join(".");

type StoredPositions = Record<string, Json>;

/**
 * Compute the position of every node. Nodes with a stored position (`ui.nodes`, relative to the inner corner of their list)
 * have that one; a box grows with its contents.
 */
export function layout(outline: Outline, tree: Json): Layout {
  const layout: Layout = { nodes: new Map(), lanes: new Map(), routes: new Map() };
  const found = at(tree, ["value", "ui", "nodes"]);
  const stored = isTree(found) ? found : {};
  const size = placeLane(outline.main, layout, stored, false);
  let x = size.width + GAP.between;
  for (const node of [outline.preprocessor, outline.failure]) {
    if (!node) continue;
    const box = sizeOf(node, layout, stored);
    layout.nodes.set(node.id, { ...box, x, y: 0 });
    x += box.width + GAP.between;
  }
  return layout;
}

/** Return the origin of a list inside its box; the main list is at 0, 0. */
export function originOf(lane: Lane, made: Layout): { x: number; y: number } {
  const box = made.lanes.get(laneKey(lane));
  return box ? { x: box.x + PAD, y: box.y + PAD + (lane.title ? LANE_HEAD : 0) } : { x: 0, y: 0 };
}

function placeLane(
  lane: Lane,
  made: Layout,
  given: StoredPositions,
  inside: boolean,
): { width: number; height: number } {
  if (lane.nodes.length === 0) return EMPTY;
  const sizes = lane.nodes.map((node) => sizeOf(node, made, given));
  const { places, routes } = arrangeLane(lane, sizes);
  for (const edge of lane.edges) {
    const route = routes.get(edgeId(edge));
    if (route && !isTree(given[edge.from] ?? null) && !isTree(given[edge.to] ?? null))
      made.routes.set(edgeId(edge), route);
  }
  let width = 0;
  let height = 0;
  lane.nodes.forEach((node, n) => {
    const size = sizes[n] ?? { x: 0, y: 0, ...NODE };
    const box = { ...size, ...(places[n] ?? { x: 0, y: 0 }) };
    const place = given[node.id];
    // The size of the main list is that of its automatic layout, so that its neighbours do not move with a node.
    if (!inside) {
      width = Math.max(width, box.x + box.width);
      height = Math.max(height, box.y + box.height);
    }
    if (isTree(place ?? null)) {
      const { x, y } = place as { x?: Json; y?: Json };
      if (typeof x === "number" && typeof y === "number") {
        box.x = inside ? Math.max(x, 0) : x;
        box.y = inside ? Math.max(y, 0) : y;
      }
    }
    made.nodes.set(node.id, box);
    if (inside) {
      width = Math.max(width, box.x + box.width);
      height = Math.max(height, box.y + box.height);
    }
  });
  return { width, height };
}

/**
 * Return the edges in the order in which dagre draws parallel nodes from left to right: it draws the first at the right.
 * Those on false are first, because their handle is at the right.
 */
function fromRightToLeft(edges: readonly Edge[]): Edge[] {
  const reversed = edges.toReversed();
  return [...reversed.filter(({ on }) => on === "false"), ...reversed.filter(({ on }) => on !== "false")];
}

interface LaneLayout {
  places: Point[];
  routes: Map<string, Point[]>;
}

const cache = new Map<string, LaneLayout>();
const CACHE_SIZE = 500;

/** Compute the layout by dagre, cached by sizes and edges: typing in a node does not arrange its list again. */
function arrangeLane(lane: Lane, sizes: readonly Box[]): LaneLayout {
  // Not only digits: a number would be the place among the successors, whatever the order of the edges.
  const numbers = new Map(lane.nodes.map((node, n) => [node.id, `n${n}`]));
  const edges = fromRightToLeft(lane.edges).flatMap((edge) => {
    const [from, to] = [numbers.get(edge.from), numbers.get(edge.to)];
    return from === undefined || to === undefined ? [] : [{ v: from, w: to, name: edge.on, id: edgeId(edge) }];
  });
  const form = JSON.stringify([sizes.map((box) => [box.width, box.height]), edges]);
  const before = cache.get(form);
  if (before) return before;
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", rankalign: "top", nodesep: GAP.between, edgesep: GAP.edges, ranksep: GAP.rank });
  graph.setDefaultEdgeLabel(() => ({}));
  sizes.forEach(({ width, height }, n) => {
    graph.setNode(`n${n}`, { width, height });
  });
  for (const { v, w, name } of edges) graph.setEdge(v, w, {}, name);
  dagre(graph);
  const boxOf = (id: string) => graph.node(id) as Box;
  const places = sizes.map((_, n) => {
    const { x, y, width, height } = boxOf(`n${n}`);
    return { x: Math.round(x - width / 2), y: Math.round(y - height / 2) };
  });
  const ways = new Map(
    edges.map((edge) => {
      const { x, y, height } = boxOf(edge.v);
      const { points } = graph.edge(edge) as { points: Point[] };
      return [edge.id, points.slice(1, -1).map((point) => ({ x: point.x - x, y: point.y - y - height / 2 }))];
    }),
  );
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value ?? "");
  cache.set(form, { places, routes: ways });
  return { places, routes: ways };
}

function sizeOf(node: Node, made: Layout, given: StoredPositions): Box {
  if (node.lanes.length === 0) return { x: 0, y: 0, ...NODE };
  let x = PAD;
  let height = 0;
  for (const lane of node.lanes) {
    const inner = placeLane(lane, made, given, true);
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
