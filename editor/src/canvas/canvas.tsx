import "@xyflow/react/dist/base.css";
import "./flow.css";
import { Background, Controls, MarkerType, MiniMap, ReactFlow } from "@xyflow/react";
import { useMemo } from "react";
import { layout } from "../workflow/layout";
import type { Outline } from "../workflow/outline";
import type { Json } from "../workflow/types";
import css from "./canvas.module.css";
import { draw } from "./draw";
import { StepEdge } from "./edges/step";
import { Card, Group, LaneBox } from "./nodes/nodes";

const NODES = { card: Card, group: Group, lane: LaneBox };
const EDGES = { step: StepEdge };
const ARROW = { markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--line-strong)" } };
const FIT = { padding: 0.15, maxZoom: 1.1, minZoom: 0.15 };
const MAP_FROM = 15;

/** The graph of a workflow: zoomed, panned, looked at. */
export function Canvas({ graph, tree }: { graph: Outline; tree: Json }) {
  const { nodes, edges } = useMemo(() => draw(graph, layout(graph, tree)), [graph, tree]);
  return (
    <section className={css.canvas} aria-label="Graph of the workflow">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODES}
        edgeTypes={EDGES}
        defaultEdgeOptions={ARROW}
        fitView
        fitViewOptions={FIT}
        minZoom={0.05}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        deleteKeyCode={null}
        onlyRenderVisibleElements={nodes.length > 100}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={20} size={1} color="var(--line)" />
        <Controls showInteractive={false} />
        {nodes.length >= MAP_FROM && <MiniMap pannable zoomable ariaLabel="Overview" />}
      </ReactFlow>
    </section>
  );
}
