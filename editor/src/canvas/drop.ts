import { type FinalConnectionState, useReactFlow } from "@xyflow/react";
import { type DragEvent, useCallback } from "react";
import { attempt } from "../actions/registry";
import { useEditorStore } from "../editor/context";
import { apply, type Editor } from "../editor/store";
import { entryOf } from "../workflow/catalog";
import { addLoose, addNode, connect, laneOf, type Spot } from "../workflow/commands";
import { allLanes } from "../workflow/lanes";
import { edgeId, laneKey, NODE } from "../workflow/layout";
import type { Node, Outline } from "../workflow/outline";
import { OUTCOMES, type Outcome } from "../workflow/types";

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
  const onEdge = idsUnder(elements, "[data-canvas-edge], .react-flow__edge")[0];
  for (const lane of allLanes(graph)) {
    const edge = onEdge === undefined ? undefined : lane.edges.find((each) => edgeId(each) === onEdge);
    if (edge) return { lane, edge };
  }
  const [top] = idsUnder(elements, `${NODES}, .react-flow__node-lane`);
  const node = graph.byId.get(top ?? "");
  if (node && node.list.length > 1) return { lane: laneOf(graph, node), after: node.id };
  const lane = allLanes(graph).find((each) => top !== undefined && laneKey(each) === top);
  if (!lane) return graph.main.nodes.length === 0 ? { lane: graph.main, start: true } : null;
  const last = lane.nodes.at(-1);
  return last ? { lane, after: last.id } : { lane, start: true };
}

const NODES = ".react-flow__node-card, .react-flow__node-group";

/** Return the ids of the elements of the canvas among elements or around them. */
function idsUnder(elements: Element[], selector: string): string[] {
  return elements.flatMap((each) => each.closest<HTMLElement>(selector)?.dataset.id ?? []);
}

/** Return the handler that connects an edge dropped on the body of a node, and offers a new node on empty canvas. */
export function useDropEdge() {
  const store = useEditorStore();
  const { screenToFlowPosition } = useReactFlow();
  return useCallback(
    (event: globalThis.MouseEvent | TouchEvent, { isValid, fromNode, fromHandle }: FinalConnectionState) => {
      if (isValid || !fromNode || !fromHandle) return;
      const { clientX, clientY } = "changedTouches" in event ? (event.changedTouches[0] as Touch) : event;
      const elements = document.elementsFromPoint(clientX, clientY);
      const under = idsUnder(elements, NODES);
      const { graph } = store.getState();
      const node = graph.byId.get(fromNode.id);
      if (fromHandle.type === "source" && node && node.list.length > 1 && isEmptyCanvas(graph, node, elements, under)) {
        const { x, y } = screenToFlowPosition({ x: clientX, y: clientY });
        // The edge ends where it was dropped: in the middle of the new node's upper side.
        const at = { x: x - NODE.width / 2, y };
        const spot: Spot = { lane: laneOf(graph, node), from: node.id, on: outcomeOf(fromHandle.id), at };
        store.setState({ dialog: { kind: "add", spot } });
        return;
      }
      const to = nodeToConnect(graph, fromNode.id, under);
      if (to === undefined) return;
      const [source, target] = fromHandle.type === "source" ? [fromNode.id, to] : [to, fromNode.id];
      attempt(() => apply(store, (model) => connect(model, source, target, outcomeOf(fromHandle.id))));
    },
    [store, screenToFlowPosition],
  );
}

/** Return whether there is only the canvas, or the containers of a node, under the pointer. */
function isEmptyCanvas({ byId }: Outline, node: Node, elements: Element[], under: string[]): boolean {
  const contains = (id: string) => {
    const path = byId.get(id)?.path;
    return path !== undefined && id !== node.id && path.every((step, n) => node.list[n] === step);
  };
  const isPane = elements.some((each) => each.closest(".react-flow__pane"));
  return isPane && !elements[0]?.closest(".react-flow__panel") && under.every(contains);
}

/** Return the node that an edge is dropped on: one of the same list, otherwise the top one, which cannot be connected. */
function nodeToConnect({ byId }: Outline, from: string, under: string[]): string | undefined {
  const listOf = (id: string) => byId.get(id)?.list.join(".");
  const others = under.filter((id) => id !== from && byId.has(id));
  return others.find((id) => listOf(id) === listOf(from)) ?? others.find((id) => byId.get(id)?.lanes.length === 0);
}

/** Return the outcome of a labelled handle; undefined for the others, whose edges are on the next outcome. */
export const outcomeOf = (handle: string | null | undefined): Outcome | undefined =>
  OUTCOMES.find((each) => each === handle);
