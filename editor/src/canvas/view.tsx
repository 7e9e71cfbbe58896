import {
  getViewportForBounds,
  type ReactFlowInstance,
  useReactFlow,
  useStore,
  useStoreApi,
  type Viewport,
} from "@xyflow/react";
import { type FocusEvent, useCallback, useEffect, useRef } from "react";
import { useEditor, useEditorStore } from "../editor/context";
import { select } from "../editor/store";

export const ZOOM = { min: 0.05, max: 2 };
const FIT = { padding: 0.15, maxZoom: 1.1 };
const MARGIN = 24;
/** Least zoom at which a graph opens: the names of nodes can be read, in the large letters that they have below 50 %. */
const OPENING = 0.48;
/** Zoom from which the texts of nodes can be read. */
const READABLE = 0.8;
/** Zoom below which cards show their icon and a large name, and their icon only. */
const FAR = { names: 0.5, icons: 0.25 };
const prefersReducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

type Measured = Pick<ReactFlowInstance, "getNodes" | "getNodesBounds">;

/**
 * Return the viewport in which a frame of this size shows all nodes. `fitView` would apply it a frame later, when it would
 * undo what the user did meanwhile.
 */
export function fitted({ getNodes, getNodesBounds }: Measured, width: number, height: number): Viewport {
  return getViewportForBounds(getNodesBounds(getNodes()), width, height, ZOOM.min, FIT.maxZoom, FIT.padding);
}

/**
 * Return the viewport in which a graph opens: all nodes, unless their names would be too small to be read. Then it shows the
 * first row, and what fits below it.
 */
export function opened(flow: Measured, width: number, height: number): Viewport {
  const whole = fitted(flow, width, height);
  if (whole.zoom >= OPENING) return whole;
  const nodes = flow.getNodes().filter(({ parentId }) => parentId === undefined);
  const bounds = flow.getNodesBounds(nodes);
  const first = flow.getNodesBounds(nodes.filter(({ position }) => position.y === bounds.y));
  return {
    x: startOf(bounds.x, bounds.width, first.x + first.width / 2, width / 2, width),
    y: startOf(bounds.y, bounds.height, bounds.y, MARGIN, height),
    zoom: OPENING,
  };
}

/**
 * Return the offset of one axis of the opening view: the middle of a graph that fits the frame, otherwise the point of the
 * graph at the place in the frame, without empty space beside the graph.
 */
function startOf(start: number, length: number, point: number, place: number, frame: number): number {
  const drawn = length * OPENING;
  if (drawn <= frame - 2 * MARGIN) return (frame - drawn) / 2 - start * OPENING;
  const offset = place - point * OPENING;
  return Math.min(Math.max(offset, frame - MARGIN - drawn - start * OPENING), MARGIN - start * OPENING);
}

/** Provides zoom and navigation to the actions of the page while the canvas is mounted. */
export function ProvideView() {
  const store = useEditorStore();
  const flow = useReactFlow();
  const inner = useStoreApi();
  useEffect(() => {
    const duration = prefersReducedMotion() ? 0 : 200;
    store.setState({
      canvas: {
        fit: () => {
          const { width, height } = inner.getState();
          if (width > 0) void flow.setViewport(fitted(flow, width, height), { duration });
        },
        zoomTo: (zoom) => void flow.zoomTo(zoom, { duration }),
        zoomBy: (factor) => void flow.zoomTo(flow.getZoom() * factor, { duration }),
        reveal: (id) => {
          const node = flow.getInternalNode(id);
          if (!node) return;
          const { width, height } = inner.getState();
          const zoom = Math.max(flow.getZoom(), READABLE);
          // Of a box that exceeds the view, its head is shown.
          const middle = (length = 0, frame: number) => Math.min(length, frame / zoom - 2 * MARGIN) / 2;
          const { x, y } = node.internals.positionAbsolute;
          // Not animated: a panel that opens at the same time moves the view, which would end the animation.
          void flow.setCenter(x + middle(node.measured.width, width), y + middle(node.measured.height, height), {
            zoom,
          });
        },
        middle: () => {
          const { width, height, transform } = inner.getState();
          const [x, y, zoom] = transform;
          return { x: (width / 2 - x) / zoom, y: (height / 2 - y) / zoom };
        },
      },
    });
    return () => store.setState({ canvas: null });
  }, [store, flow, inner]);
  return null;
}

/** Marks the canvas while its texts are too small to be read. Only the style of the cards changes: no node renders again. */
export function MarkFarZoom() {
  const far = useStore(({ transform: [, , zoom] }) => (zoom < FAR.icons ? "icons" : zoom < FAR.names ? "names" : null));
  const inner = useStoreApi();
  useEffect(() => {
    const { domNode } = inner.getState();
    if (far) domNode?.setAttribute("data-far", far);
    else domNode?.removeAttribute("data-far");
  }, [far, inner]);
  return null;
}

/** Pans to show the selected node, for example one that was just added or selected by a key. */
export function KeepInView() {
  const chosen = useEditor((editor) => (editor.selection.length === 1 ? editor.selection[0] : undefined));
  const flow = useReactFlow();
  const inner = useStoreApi();
  useEffect(() => {
    if (chosen === undefined) return;
    const frame = requestAnimationFrame(() => {
      const node = flow.getInternalNode(chosen);
      const { width, height, transform } = inner.getState();
      const [x, y, zoom] = transform;
      if (!node || width === 0) return;
      const at = node.internals.positionAbsolute;
      const dx = overflow(at.x * zoom + x, (node.measured.width ?? 0) * zoom, width);
      const dy = overflow(at.y * zoom + y, (node.measured.height ?? 0) * zoom, height);
      if (dx !== 0 || dy !== 0)
        void flow.setViewport({ x: x + dx, y: y + dy, zoom }, { duration: prefersReducedMotion() ? 0 : 150 });
    });
    return () => cancelAnimationFrame(frame);
  }, [chosen, flow, inner]);
  return null;
}

/**
 * Moves the focus to the node that a key selects, and to the selected node after a dialog, unless the focus is outside of
 * the canvas. A node outside of the view is drawn first, which takes some frames. While a field loses the focus, for
 * example by a rename, the document has it for a moment: the first frame is waited for.
 */
export function FocusFollowsSelection() {
  const last = useEditor((editor) => editor.selection.at(-1));
  const dialog = useEditor((editor) => editor.dialog !== null);
  const before = useRef({ last, dialog });
  useEffect(() => {
    const { current } = before;
    before.current = { last, dialog };
    if (last === undefined || dialog || (current.last === last && !current.dialog)) return;
    let frame = 0;
    const follow = (left: number) => {
      const active = document.activeElement;
      // A dialog that closes has the focus until it is removed.
      if (active?.closest("[role=dialog]") && left > 0) {
        frame = requestAnimationFrame(() => follow(left - 1));
        return;
      }
      if (active !== document.body && !active?.matches(".react-flow__node")) return;
      const node = document.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(last)}"]`);
      if (node) node.focus({ preventScroll: true });
      else if (left > 0) frame = requestAnimationFrame(() => follow(left - 1));
    };
    frame = requestAnimationFrame(() => follow(FRAMES_UNTIL_DRAWN));
    return () => cancelAnimationFrame(frame);
  }, [last, dialog]);
  return null;
}

const FRAMES_UNTIL_DRAWN = 30;

/** Return a handler that selects the node that the keyboard focuses, if the page is edited and nothing is selected. */
export function useSelectOnFocus(): (event: FocusEvent<HTMLElement>) => void {
  const store = useEditorStore();
  return useCallback(
    ({ target }) => {
      const { readOnly, selection, edge, graph } = store.getState();
      const id = target.matches(".react-flow__node:focus-visible") ? target.dataset.id : undefined;
      if (readOnly || selection.length > 0 || edge || id === undefined || !graph.byId.has(id)) return;
      select(store, [id]);
    },
    [store],
  );
}

/** Return the distance to move a length into a frame. A length that exceeds the frame shows its start. */
function overflow(start: number, length: number, frame: number): number {
  if (start >= MARGIN && start + length <= frame - MARGIN) return 0;
  if (length > frame - 2 * MARGIN) return start > frame - MARGIN || start + length < MARGIN ? MARGIN - start : 0;
  return start < MARGIN ? MARGIN - start : frame - MARGIN - start - length;
}
