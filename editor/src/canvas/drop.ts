import { useReactFlow } from "@xyflow/react";
import type { DragEvent } from "react";
import { attempt } from "../actions/registry";
import { useEditorStore } from "../editor/context";
import { apply, type Editor } from "../editor/store";
import { entryOf } from "../workflow/catalog";
import { addLoose, addNode, laneOf, type Spot } from "../workflow/commands";
import { allLanes } from "../workflow/lanes";
import { edgeId, laneKey } from "../workflow/layout";

export const DRAG_TYPE = "application/x-orvanta-offer";

/** Return the handlers that add a dropped kind of node: on an edge, after a node, in a list, or without edges. */
export function useDrop() {
  const store = useEditorStore();
  const { screenToFlowPosition } = useReactFlow();
  return {
    onDragOver: (event: DragEvent) => {
      if (!event.dataTransfer.types.includes(DRAG_TYPE)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    },
    onDrop: (event: DragEvent) => {
      const offer = entryOf(event.dataTransfer.getData(DRAG_TYPE));
      if (!offer) return;
      event.preventDefault();
      const at = screenToFlowPosition({ x: event.clientX, y: event.clientY });
      const spot = spotUnder(store.getState(), document.elementsFromPoint(event.clientX, event.clientY));
      attempt(() => apply(store, (model) => (spot ? addNode(model, spot, offer) : addLoose(model, offer, at))));
    },
  };
}

function spotUnder({ graph }: Editor, elements: Element[]): Spot | null {
  const within = (selector: string) =>
    elements.map((each) => each.closest<HTMLElement>(selector)?.dataset.id).find((id) => id !== undefined);
  const onEdge = within("[data-canvas-edge], .react-flow__edge");
  for (const lane of allLanes(graph)) {
    const edge = onEdge === undefined ? undefined : lane.edges.find((each) => edgeId(each) === onEdge);
    if (edge) return { lane, edge };
  }
  const node = graph.byId.get(within(".react-flow__node-card, .react-flow__node-group") ?? "");
  const inLane = within(".react-flow__node-lane");
  if (node && node.lanes.length === 0 && node.list.length > 1) return { lane: laneOf(graph, node), after: node.id };
  const lane = allLanes(graph).find((each) => inLane !== undefined && laneKey(each) === inLane);
  if (!lane) return graph.main.nodes.length === 0 ? { lane: graph.main, start: true } : null;
  const last = lane.nodes.at(-1);
  return last ? { lane, after: last.id } : { lane, start: true };
}
