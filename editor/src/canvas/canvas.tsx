import "@xyflow/react/dist/base.css";
import "./flow.css";
import {
  Background,
  Controls,
  MarkerType,
  MiniMap,
  type NodeChange,
  ReactFlow,
  ReactFlowProvider,
  SelectionMode,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { hasOverview } from "../actions/view";
import { useEditor, useEditorStore } from "../editing/context";
import { apply, select } from "../editing/store";
import { Empty } from "../ui/states";
import { connect, moveNodes } from "../workflow/commands";
import { layout } from "../workflow/layout";
import css from "./canvas.module.css";
import { type Drawn, type DrawnEdge, draw, edgeId } from "./draw";
import { StepEdge } from "./edges/step";
import { Card, Group, LaneBox } from "./nodes/nodes";
import { FIT, GiveView } from "./view";

const NODES = { card: Card, group: Group, lane: LaneBox };
const EDGES = { step: StepEdge };
const ARROW = { markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--line-strong)" } };
const MANY = 100;

type Places = Record<string, { x: number; y: number }>;

/** The graph of the workflow: walked, selected, moved, connected. What it shows is derived from the document. */
export function Canvas() {
  const store = useEditorStore();
  const graph = useEditor((editor) => editor.graph);
  const tree = useEditor((editor) => editor.tree);
  const selection = useEditor((editor) => editor.selection);
  const chosenEdge = useEditor((editor) => editor.edge);
  const overview = useEditor(hasOverview);
  const [dragged, setDragged] = useState<Places>({});
  const drawn = useMemo(() => draw(graph, layout(graph, tree)), [graph, tree]);

  const nodes = useMemo(() => {
    const chosen = new Set(selection);
    return drawn.nodes.map((node): Drawn => {
      const position = dragged[node.id] ?? node.position;
      return { ...node, position, selected: chosen.has(node.id) } as Drawn;
    });
  }, [drawn, selection, dragged]);
  const edges = useMemo(() => {
    const id = chosenEdge ? edgeId(chosenEdge) : null;
    return drawn.edges.map((edge): DrawnEdge => ({ ...edge, selected: edge.id === id }));
  }, [drawn, chosenEdge]);

  const changed = useCallback(
    (changes: NodeChange<Drawn>[]) => {
      const chosen = new Set(store.getState().selection);
      const places: Places = {};
      let selects = false;
      for (const change of changes) {
        if (change.type === "position" && change.position) places[change.id] = change.position;
        if (change.type === "select") {
          selects = true;
          if (change.selected) chosen.add(change.id);
          else chosen.delete(change.id);
        }
      }
      if (selects) select(store, [...chosen]);
      if (Object.keys(places).length > 0) setDragged((before) => ({ ...before, ...places }));
    },
    [store],
  );
  const drop = () => {
    const known = new Set(graph.main.nodes.map((node) => node.id));
    const moved = Object.entries(dragged).filter(([id]) => known.has(id));
    setDragged({});
    if (moved.length === 0) return;
    const places = Object.fromEntries(moved.map(([id, at]) => [id, { x: Math.round(at.x), y: Math.round(at.y) }]));
    attempt(() => apply(store, (model) => moveNodes(model, places)));
  };
  if (graph.main.nodes.length === 0 && !graph.failure) return <Nothing />;
  return (
    <section className={css.canvas} aria-label="Graph of the workflow" data-canvas>
      <ReactFlowProvider>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODES}
          edgeTypes={EDGES}
          defaultEdgeOptions={ARROW}
          onNodesChange={changed}
          onNodeDragStop={drop}
          onSelectionDragStop={drop}
          onNodeClick={(event, node) => {
            if (node.type === "lane") return;
            // A plain click on one of several that are selected leaves that one.
            if (!event.shiftKey && !event.ctrlKey && !event.metaKey) select(store, [node.id]);
            store.setState({ panel: "node" });
          }}
          onEdgeClick={(_, edge) => {
            select(store, [], edge.data?.edge ?? null);
            store.setState({ panel: "node" });
          }}
          onPaneClick={() => select(store, [])}
          onConnect={({ source, target }) => attempt(() => apply(store, (model) => connect(model, source, target)))}
          selectionMode={SelectionMode.Partial}
          selectionKeyCode="Shift"
          multiSelectionKeyCode={["Meta", "Control"]}
          fitView
          fitViewOptions={FIT}
          minZoom={0.05}
          maxZoom={2}
          deleteKeyCode={null}
          disableKeyboardA11y
          nodeDragThreshold={4}
          onlyRenderVisibleElements={nodes.length > MANY}
          proOptions={{ hideAttribution: true }}
        >
          <Background gap={20} size={1} color="var(--line)" />
          <Controls showInteractive={false} />
          <StayCentred />
          <GiveView />
          {overview && <MiniMap pannable zoomable ariaLabel="Overview" />}
        </ReactFlow>
      </ReactFlowProvider>
    </section>
  );
}

function Nothing() {
  return (
    <section className={css.canvas} aria-label="Graph of the workflow" data-canvas>
      <Empty title="This workflow is empty">
        <p>Add the first node; the next ones come after it or on an edge.</p>
        <ActionButton name="add" words main />
      </Empty>
    </section>
  );
}

/** Keeps what is in the middle there when a panel makes the canvas smaller. */
function StayCentred() {
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  const before = useRef({ width, height });
  const { getViewport, setViewport } = useReactFlow();
  useEffect(() => {
    const { width: wide, height: high } = before.current;
    before.current = { width, height };
    if (wide === 0 || (wide === width && high === height)) return;
    const { x, y, zoom } = getViewport();
    void setViewport({ x: x + (width - wide) / 2, y: y + (height - high) / 2, zoom });
  }, [width, height, getViewport, setViewport]);
  return null;
}
