import "@xyflow/react/dist/base.css";
import "./flow.css";
import {
  Background,
  type Connection,
  Controls,
  MarkerType,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  SelectionMode,
} from "@xyflow/react";
import { type ReactNode, useCallback, useContext, useMemo, useRef } from "react";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { hasOverview } from "../actions/view-actions";
import { useEditor, useEditorStore } from "../editor/context";
import { apply, select } from "../editor/store";
import { t } from "../texts/canvas";
import { Empty } from "../ui/states";
import { connect, laneOf } from "../workflow/commands";
import { foldGroups } from "../workflow/fold";
import { groupsOf, isGroup, type Group as NodeGroup } from "../workflow/groups";
import { edgeId, type Layout, layout, originOf } from "../workflow/layout";
import { notesOf } from "../workflow/notes";
import { move } from "../workflow/selection";
import css from "./canvas.module.css";
import { type Drawing, type DrawnEdge, draw, drawStart, reuseUnchanged } from "./draw";
import { outcomeOf, useDrop, useDropEdge } from "./drop";
import { StepEdge } from "./edges/step";
import { KeepViewCentred } from "./keep-view-centred";
import { MiniNode } from "./mini-node";
import { useNodeMenu } from "./node-menu";
import { Card, Group, LaneBox } from "./nodes/nodes";
import { FoldedBox, FrameBox, NoteCard } from "./notes/note";
import { type DisplayedBoxes, useDisplayedNodes } from "./positions";
import { SelectionBar } from "./selection-bar";
import { StartContent, StartSlot } from "./start";
import { FocusFollowsSelection, KeepInView, MarkFarZoom, ProvideView, useSelectOnFocus, ZOOM } from "./view";
import { ViewControl } from "./view-control";

const NODES = {
  card: Card,
  group: Group,
  lane: LaneBox,
  note: NoteCard,
  frame: FrameBox,
  folded: FoldedBox,
  start: StartSlot,
};
const EDGES = { step: StepEdge };
const ARROW = { markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--line-strong)" } };
const MULTI_SELECT_KEYS = ["Meta", "Control", "Shift"];
const PRO_OPTIONS = { hideAttribution: true };
const VIRTUALIZE_FROM = 100;
const LABELS = {
  "controls.ariaLabel": t("canvas.controls"),
  "minimap.ariaLabel": t("canvas.overview"),
  "handle.ariaLabel": t("canvas.handle"),
};

/** The graph of the workflow, derived from the document, to navigate, select, move and connect. `start`: shown above it. */
export function Canvas({ start = null }: { start?: ReactNode }) {
  return (
    <ReactFlowProvider>
      <StartContent value={start}>
        <Surface />
      </StartContent>
    </ReactFlowProvider>
  );
}

function Surface() {
  const empty = useEditor(
    ({ graph, tree }) => graph.main.nodes.length === 0 && !graph.failure && notesOf(tree).length === 0,
  );
  const readOnly = useEditor((editor) => editor.readOnly);
  const drop = useDrop();
  const selectOnFocus = useSelectOnFocus();
  return (
    <section
      className={css.canvas}
      aria-label={t("canvas.graph")}
      data-canvas
      data-read-only={readOnly || undefined}
      onFocus={selectOnFocus}
      {...(readOnly ? {} : drop)}
    >
      {empty ? <EmptyCanvas /> : <Graph />}
      <FocusFollowsSelection />
    </section>
  );
}

function Graph() {
  const store = useEditorStore();
  const graph = useEditor((editor) => editor.graph);
  const tree = useEditor((editor) => editor.tree);
  const chosenEdge = useEditor((editor) => editor.edge);
  const overview = useEditor(hasOverview);
  const readOnly = useEditor((editor) => editor.readOnly);
  const groups = useMemo(() => groupsOf(tree, graph), [tree, graph]);
  // A text that changes only with the open groups: a new selection alone does not draw the graph again.
  const open = useEditor((editor) => openGroups(groups, editor.selection));
  const seen = useMemo(() => {
    // Groups cannot be unfolded on a read-only page, so all nodes are shown.
    return readOnly ? graph : foldGroups(graph, groups, open === "" ? [] : open.split(" "));
  }, [graph, groups, open, readOnly]);
  const made = useMemo(() => layout(seen, tree), [seen, tree]);
  const started = useContext(StartContent) !== null;
  const last = useRef<Drawing | null>(null);
  const drawn = useMemo(() => {
    const { nodes, edges } = draw(seen, made, notesOf(tree), groups);
    const start = started ? drawStart(seen, made) : null;
    last.current = reuseUnchanged(last.current, { nodes: start ? [start, ...nodes] : nodes, edges });
    return last.current;
  }, [seen, tree, groups, made, started]);
  const { nodes, moved, changed, settle } = useDisplayedNodes(drawn.nodes);
  const edges = useMemo(() => {
    const id = chosenEdge ? edgeId(chosenEdge) : null;
    return id === null
      ? drawn.edges
      : drawn.edges.map((edge): DrawnEdge => (edge.id === id ? { ...edge, selected: true } : edge));
  }, [drawn, chosenEdge]);

  const drop = useStorePositions(moved, made, settle);
  const chooseNode = useCallback(
    (
      event: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean },
      node: { id: string; type?: string | undefined },
    ) => {
      if (node.type === "lane" || node.type === "start") return;
      // A click without modifier on one of several selected nodes selects that one only.
      if (!event.shiftKey && !event.ctrlKey && !event.metaKey) select(store, [node.id]);
      store.setState({ panel: "node" });
    },
    [store],
  );
  const chooseEdge = useCallback(
    (_: unknown, edge: DrawnEdge) => {
      const clicked = edge.data?.edge;
      if (!clicked || isGroup(clicked.from) || isGroup(clicked.to)) return;
      select(store, [], clicked);
      store.setState({ panel: "node" });
    },
    [store],
  );
  const join = useCallback(
    ({ source, target, sourceHandle }: Connection) =>
      attempt(() => apply(store, (model) => connect(model, source, target, outcomeOf(sourceHandle)))),
    [store],
  );
  const dropEdge = useDropEdge();
  const menu = useNodeMenu();
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODES}
      edgeTypes={EDGES}
      defaultEdgeOptions={ARROW}
      onNodesChange={changed}
      onNodeDragStop={drop}
      onSelectionDragStop={drop}
      onNodeClick={chooseNode}
      onNodeContextMenu={menu.open}
      onEdgeClick={readOnly ? undefined : chooseEdge}
      onPaneClick={useCallback(() => select(store, []), [store])}
      onConnect={join}
      onConnectEnd={dropEdge}
      nodesDraggable={!readOnly}
      nodesConnectable={!readOnly}
      edgesFocusable={false}
      selectionMode={SelectionMode.Partial}
      selectionKeyCode="Shift"
      multiSelectionKeyCode={MULTI_SELECT_KEYS}
      minZoom={ZOOM.min}
      maxZoom={ZOOM.max}
      deleteKeyCode={null}
      disableKeyboardA11y
      nodeDragThreshold={4}
      elevateNodesOnSelect={false}
      onlyRenderVisibleElements={nodes.length > VIRTUALIZE_FROM}
      proOptions={PRO_OPTIONS}
      ariaLabelConfig={LABELS}
    >
      <Background gap={20} size={1} color="var(--line)" />
      <Controls showInteractive={false} showZoom={false} showFitView={false}>
        <ViewControl name="zoom-in" />
        <ViewControl name="zoom-out" />
        <ViewControl name="fit" />
      </Controls>
      <KeepViewCentred />
      <ProvideView />
      <KeepInView />
      <MarkFarZoom />
      {!readOnly && <SelectionBar />}
      {overview && <MiniMap pannable zoomable nodeComponent={MiniNode} />}
      {menu.element}
    </ReactFlow>
  );
}

/** Store the positions of dragged nodes. The callback is stable, as the canvas re-renders for a new one. */
function useStorePositions(moved: DisplayedBoxes, made: Layout, settle: () => void): () => void {
  const store = useEditorStore();
  const now = useRef({ moved, made });
  now.current = { moved, made };
  return useCallback(() => {
    const { graph } = store.getState();
    const places: Record<string, { x: number; y: number }> = {};
    for (const [id, { x, y, width }] of Object.entries(now.current.moved)) {
      const node = graph.byId.get(id);
      if (!node && (!id.startsWith("note:") || width !== undefined)) continue;
      // The position of a node in a box is relative to the corner of its list.
      const from = node && node.list.length > 1 ? originOf(laneOf(graph, node), now.current.made) : { x: 0, y: 0 };
      places[id] = { x: Math.round(x - from.x), y: Math.round(y - from.y) };
    }
    settle();
    if (Object.keys(places).length > 0) attempt(() => apply(store, (model) => move(model, places)));
  }, [store, settle]);
}

/** Return the selected nodes of folded groups, which are open while a node of them is selected. */
const openGroups = (groups: readonly NodeGroup[], selection: readonly string[]): string =>
  selection.filter((id) => groups.some((group) => group.folded && group.ids.includes(id))).join(" ");

function EmptyCanvas() {
  const readOnly = useEditor((editor) => editor.readOnly);
  if (readOnly) return <Empty title={t("canvas.noNodes")} />;
  return (
    <Empty title={t("canvas.empty")}>
      <p>{t("canvas.addFirst")}</p>
      <ActionButton name="add" words main />
    </Empty>
  );
}
