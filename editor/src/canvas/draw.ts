import type { Edge as FlowEdge, Node as FlowNode } from "@xyflow/react";
import { type Layout, laneKey } from "../workflow/layout";
import type { Edge, Lane, Node, Outline } from "../workflow/outline";

export type CardNode = FlowNode<{ node: Node }, "card">;
export type GroupNode = FlowNode<{ node: Node }, "group">;
export type LaneNode = FlowNode<{ lane: Lane }, "lane">;
export type Drawn = CardNode | GroupNode | LaneNode;
export type DrawnEdge = FlowEdge<{ edge: Edge; lane: Lane }, "step">;

/** What the canvas shows of a workflow: parents before what they hold. */
export function draw(graph: Outline, layout: Layout): { nodes: Drawn[]; edges: DrawnEdge[] } {
  const nodes: Drawn[] = [];
  const edges: DrawnEdge[] = [];
  const add = (node: Node) => {
    const box = layout.nodes.get(node.id);
    if (!box) return;
    const place = {
      id: node.id,
      position: { x: box.x, y: box.y },
      width: box.width,
      height: box.height,
      ...(node.inside ? { parentId: node.inside } : {}),
    };
    const ariaLabel = `${node.summary || node.id}, ${node.kind}`;
    nodes.push({ ...place, type: node.lanes.length > 0 ? "group" : "card", data: { node }, ariaLabel });
    for (const lane of node.lanes) {
      addLane(node, lane);
      addList(lane);
    }
  };
  const addLane = (node: Node, lane: Lane) => {
    const box = layout.lanes.get(laneKey(lane));
    if (!box) return;
    const id = laneKey(lane);
    const fixed = { draggable: false, selectable: false, focusable: false };
    const { x, y, width, height } = box;
    nodes.push({ id, type: "lane", parentId: node.id, position: { x, y }, width, height, data: { lane }, ...fixed });
  };
  const addList = (lane: Lane) => {
    const known = new Set(lane.nodes.map((node) => node.id));
    for (const node of lane.nodes) add(node);
    for (const edge of lane.edges) {
      if (known.has(edge.from)) edges.push(drawEdge(edge, lane));
    }
  };
  addList(graph.main);
  for (const node of [graph.preprocessor, graph.failure]) if (node) add(node);
  return { nodes, edges };
}

export const edgeId = (edge: Edge): string => `${edge.from}→${edge.to}:${edge.on}`;

function drawEdge(edge: Edge, lane: Lane): DrawnEdge {
  const id = edgeId(edge);
  const ariaLabel = `${edge.from} to ${edge.to}, on ${edge.on}`;
  return { id, type: "step", source: edge.from, target: edge.to, data: { edge, lane }, ariaLabel };
}
