import { type Edge as FlowEdge, type Node as FlowNode, Position } from "@xyflow/react";
import { t } from "../texts/canvas";
import { isEqual } from "../workflow/edit";
import { FOLDED } from "../workflow/fold";
import { type Group, isGroup } from "../workflow/groups";
import { kindOf } from "../workflow/kinds";
import { type Box, edgeId, type Layout, laneKey, type Point } from "../workflow/layout";
import type { Note } from "../workflow/notes";
import { OUTCOME_NAMES } from "../workflow/outcome-names";
import type { Edge, Lane, Node, Outline } from "../workflow/outline";
import type { Json, Outcome } from "../workflow/types";

export type CardNode = FlowNode<{ node: Node }, "card">;
export type GroupNode = FlowNode<{ node: Node }, "group">;
export type LaneNode = FlowNode<{ lane: Lane }, "lane">;
export type NoteNode = FlowNode<{ note: Note }, "note">;
export type FrameNode = FlowNode<{ group: Group }, "frame">;
/** A folded group, drawn in place of its nodes. */
export type FoldedNode = FlowNode<{ group: Group }, "folded">;
/** Place of the triggers above the graph. `targets`: ends of the lines to the first nodes, from its corner. */
export type StartNode = FlowNode<{ targets: readonly Point[] }, "start">;
export type Drawn = StartNode | CardNode | GroupNode | LaneNode | NoteNode | FrameNode | FoldedNode;
/**
 * End of an edge over whose middle its label is: an end that no other edge has, so that labels of edges that are partly drawn
 * over each other are apart; the middle if all or none of it is drawn over others.
 */
export type LabelEnd = "source" | "target" | "middle";
/**
 * An edge. `aside`: by how many places its label is to the right, so that the labels of several outcomes between two nodes,
 * whose edges are drawn over each other, are beside each other.
 */
export type DrawnEdge = FlowEdge<{ edge: Edge; route: readonly Point[]; labelEnd: LabelEnd; aside: number }, "step">;
type LabelPlace = Pick<NonNullable<DrawnEdge["data"]>, "labelEnd" | "aside">;
export interface Drawing {
  nodes: Drawn[];
  edges: DrawnEdge[];
}

/** Return the nodes and edges of the canvas. Parents precede their contents. */
export function draw(
  graph: Outline,
  layout: Layout,
  notes: readonly Note[] = [],
  groups: readonly Group[] = [],
): Drawing {
  const nodes: Drawn[] = [...notes.map(drawNote)];
  const edges: DrawnEdge[] = [];
  const add = (node: Node) => {
    const box = layout.nodes.get(node.id);
    if (!box) return;
    const place = {
      id: node.id,
      ...sized(box),
      handles: handlesOf(box, node.kind),
      ...(node.inside ? { parentId: node.inside } : {}),
    };
    const group = node.kind === FOLDED ? groups.find((each) => each.key === node.id) : undefined;
    if (group) {
      const fixed = {
        draggable: false,
        connectable: false,
        ariaLabel: t("canvas.foldedGroup", { group: group.summary }),
      };
      nodes.push({ ...place, type: "folded", data: { group }, ...fixed });
      return;
    }
    const kind = kindOf(node.kind, node.language).name;
    const ariaLabel = t("canvas.nodeName", { kind, name: node.summary || node.id });
    nodes.push({ ...place, type: node.lanes.length > 0 ? "group" : "card", data: { node }, ariaLabel });
    for (const lane of node.lanes) {
      addLane(node, lane);
      for (const group of groups) {
        const frame = drawFrame(group, graph, layout);
        if (frame?.parentId === node.id && holds(lane, group)) nodes.push(frame);
      }
      addList(lane);
    }
  };
  const addLane = (node: Node, lane: Lane) => {
    const box = layout.lanes.get(laneKey(lane));
    if (!box) return;
    const id = laneKey(lane);
    const fixed = { draggable: false, selectable: false, focusable: false };
    nodes.push({ id, type: "lane", parentId: node.id, ...sized(box), data: { lane }, ...fixed });
  };
  const addList = (lane: Lane) => {
    const known = new Set(lane.nodes.map((node) => node.id));
    const labelPlaceOf = labelPlacesIn(lane, graph.byId, layout);
    for (const node of lane.nodes) add(node);
    for (const edge of lane.edges) {
      if (known.has(edge.from)) edges.push(drawEdge(edge, layout, graph.byId.get(edge.from), labelPlaceOf(edge)));
    }
  };
  for (const group of groups) {
    const frame = drawFrame(group, graph, layout);
    if (frame && !frame.parentId) nodes.push(frame);
  }
  addList(graph.main);
  for (const node of [graph.preprocessor, graph.failure]) if (node) add(node);
  return { nodes, edges };
}

/** Replace equal parts of a drawing with the objects of the previous one, so that only changed parts render again. */
export function reuseUnchanged(before: Drawing | null, now: Drawing): Drawing {
  return before ? { nodes: reuseItems(before.nodes, now.nodes), edges: reuseItems(before.edges, now.edges) } : now;
}

function reuseItems<T extends { id: string }>(before: T[], now: T[]): T[] {
  const known = new Map(before.map((each) => [each.id, each]));
  const kept = now.map((each) => {
    const old = known.get(each.id);
    return old && isEqual(old as unknown as Json, each as unknown as Json) ? old : each;
  });
  return kept.length === before.length && kept.every((each, n) => each === before[n]) ? before : kept;
}

const holds = (lane: Lane, group: Group) => lane.nodes.some((node) => node.id === group.ids[0]);

/** Return a known position and size, so that the page does not measure the node. */
function sized({ x, y, width, height }: Box) {
  return { position: { x, y }, width, height, measured: { width, height } };
}

const DOT = 6;

function handlesOf({ width, height }: Box, kind: string): NonNullable<Drawn["handles"]> {
  const dot = { id: null, x: width / 2 - DOT / 2, width: DOT, height: DOT };
  const source = { ...dot, type: "source" as const, position: Position.Bottom, y: height - DOT / 2 };
  return [
    { ...dot, type: "target", position: Position.Top, y: -DOT / 2 },
    source,
    ...labelledHandles(kind).map(({ on, left }) => ({ ...source, id: on, x: width * left - DOT / 2 })),
  ];
}

/** Return the handles of a kind from which edges of one outcome are drawn; `left` is their place on the lower side. */
export function labelledHandles(kind: string): readonly { on: Outcome; left: number }[] {
  return kind === "condition" ? CONDITION_HANDLES : [];
}

const CONDITION_HANDLES = [
  { on: "true", left: 0.2 },
  { on: "false", left: 0.8 },
] as const;

const BEHIND = -1;
export const START = { width: 440, height: 46, gap: 56 };

/** Return the place of the triggers, above all nodes; null if there are none. */
export function drawStart({ main, preprocessor, failure }: Outline, layout: Layout): StartNode | null {
  const boxOf = (node: Node | null) => (node ? (layout.nodes.get(node.id) ?? []) : []);
  const all = [...main.nodes, preprocessor, failure].flatMap(boxOf);
  const first = main.nodes.filter(({ id }) => !main.edges.some((edge) => edge.to === id)).flatMap(boxOf);
  if (first.length === 0) return null;
  const centres = first.map((box) => box.x + box.width / 2);
  const x = (Math.min(...centres) + Math.max(...centres)) / 2 - START.width / 2;
  const y = Math.min(...all.map((box) => box.y)) - START.gap - START.height;
  const targets = first.map((box, index) => ({ x: (centres[index] ?? 0) - x, y: box.y - y }));
  const { width, height } = START;
  const fixed = { draggable: false, selectable: false, focusable: false, connectable: false };
  return { id: "start:", type: "start", ...sized({ x, y, width, height }), data: { targets }, ...fixed };
}

const FRAME = { side: 16, head: 30, foot: 16 };

function drawNote(note: Note): NoteNode {
  const label = note.text ? t("canvas.note", { text: note.text.slice(0, 60) }) : t("canvas.emptyNote");
  return {
    id: note.key,
    type: "note",
    ...sized(note),
    data: { note },
    ariaLabel: label,
    zIndex: BEHIND,
    connectable: false,
  };
}

function drawFrame(group: Group, graph: Outline, layout: Layout): FrameNode | null {
  const boxes = group.ids.flatMap((id) => layout.nodes.get(id) ?? []);
  if (boxes.length === 0) return null;
  const x = Math.min(...boxes.map((box) => box.x)) - FRAME.side;
  const y = Math.min(...boxes.map((box) => box.y)) - FRAME.head;
  const width = Math.max(...boxes.map((box) => box.x + box.width)) + FRAME.side - x;
  const height = Math.max(...boxes.map((box) => box.y + box.height)) + FRAME.foot - y;
  const inside = graph.byId.get(group.ids[0] ?? "")?.inside;
  return {
    id: group.key,
    type: "frame",
    ...sized({ x, y, width, height }),
    ...(inside ? { parentId: inside } : {}),
    data: { group },
    dragHandle: "[data-frame-head]",
    ariaLabel: t("canvas.group", { group: group.summary }),
    zIndex: inside ? 0 : BEHIND,
    connectable: false,
  };
}

/** Points of the route of an edge between neighbouring rows, which is that of all edges between the two nodes. */
const SHARED_ROUTE = 1;

/** Return a function that computes where the labels of the edges of a list are. */
function labelPlacesIn({ edges }: Lane, byId: Outline["byId"], layout: Layout): (edge: Edge) => LabelPlace {
  const targets = new Map<string, Set<string>>();
  const sources = new Map<string, Set<string>>();
  const outcomes = new Map<string, Set<string>>();
  const drawnOver = new Map<string, Set<string>>();
  const startOf = ({ from, on }: Edge) =>
    labelledHandles(byId.get(from)?.kind ?? "").some((handle) => handle.on === on) ? `${from}:${on}` : from;
  const isShared = (edge: Edge) => (layout.routes.get(edgeId(edge))?.length ?? 0) <= SHARED_ROUTE;
  for (const edge of edges) {
    addTo(targets, startOf(edge), edge.to);
    addTo(sources, edge.to, edge.from);
    addTo(outcomes, `${edge.from}→${edge.to}`, edge.on);
    if (isShared(edge)) addTo(drawnOver, `${startOf(edge)}→${edge.to}`, edge.on);
  }
  return (edge) => {
    const sharesStart = (targets.get(startOf(edge))?.size ?? 0) > 1;
    const sharesEnd = (sources.get(edge.to)?.size ?? 0) > 1;
    const isSeveral = (outcomes.get(`${edge.from}→${edge.to}`)?.size ?? 0) > 1;
    const labels = isShared(edge) ? [...(drawnOver.get(`${startOf(edge)}→${edge.to}`) ?? [])] : [edge.on];
    const aside = labels.indexOf(edge.on) - (labels.length - 1) / 2;
    if ((isSeveral && labels.length === 1) || sharesStart === sharesEnd) return { labelEnd: "middle", aside };
    return { labelEnd: sharesStart ? "target" : "source", aside };
  };
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
}

/** Return an edge as it is drawn: from the handle of its outcome, or else from the middle of the lower side. */
function drawEdge(edge: Edge, layout: Layout, source: Node | undefined, label: LabelPlace): DrawnEdge {
  const id = edgeId(edge);
  const ariaLabel = t("canvas.edge", { from: edge.from, to: edge.to, outcome: OUTCOME_NAMES[edge.on] });
  // An edge of a folded group represents several edges.
  const fixed = isGroup(edge.from) || isGroup(edge.to) ? { selectable: false, focusable: false } : {};
  const handle = labelledHandles(source?.kind ?? "").find(({ on }) => on === edge.on);
  // Routes start in the middle.
  const aside = handle ? (handle.left - 0.5) * (layout.nodes.get(edge.from)?.width ?? 0) : 0;
  const route = (layout.routes.get(id) ?? []).map(({ x, y }) => ({ x: x - aside, y }));
  const ends = { source: edge.from, target: edge.to, ...(handle ? { sourceHandle: handle.on } : {}) };
  return { id, type: "step", ...ends, data: { edge, route, ...label }, ariaLabel, ...fixed };
}
