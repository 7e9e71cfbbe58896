import { t } from "../texts/versions";
import "@xyflow/react/dist/base.css";
import "../canvas/flow.css";
import {
  Background,
  BaseEdge,
  Controls,
  EdgeLabelRenderer,
  type EdgeProps,
  Handle,
  MarkerType,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
} from "@xyflow/react";
import { createContext, type ReactNode, useContext, useMemo } from "react";
import type { Difference } from "../api/versions";
import canvas from "../canvas/canvas.module.css";
import { type CardNode, type DrawnEdge, draw, type GroupNode, type LaneNode, labelledHandles } from "../canvas/draw";
import { stepPath } from "../canvas/edges/path";
import { Icon } from "../ui/icon";
import { Empty } from "../ui/states";
import { type Compared, compareGraphs, edgeKey, type Mark } from "../workflow/compare";
import { kindOf } from "../workflow/kinds";
import { layout } from "../workflow/layout";
import { OUTCOME_NAMES } from "../workflow/outcome-names";
import { type Node, outline } from "../workflow/outline";
import { parseSource } from "../workflow/source";
import type { Json } from "../workflow/types";
import { MARKS } from "./changes";
import css from "./versions.module.css";

const ComparisonContext = createContext<Compared | null>(null);
const OverlayContext = createContext<NodeOverlay | null>(null);
const NODES = { card: Card, group: Group, lane: LaneBox };
const EDGES = { step: Edge };
const ARROW = { markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--line-strong)" } };
const FIT = { padding: 0.12, maxZoom: 1, minZoom: 0.1 };

interface Props {
  before: string;
  after: string;
  difference: Difference;
  names: readonly [string, string];
  overlay?: NodeOverlay;
}

/** Notes at nodes and edges, and the selected node. `first`: the first differing node. */
interface NodeOverlay {
  note: (id: string) => ReactNode;
  edgeNote?: (edge: { from: string; to: string; on: string }) => ReactNode;
  chosen?: string;
  first?: string | null;
  /** Select a node; without it nodes cannot be selected. */
  choose?: (id: string) => void;
  /** Return whether a node can be selected; without it all can. */
  canChoose?: (id: string) => boolean;
}

/** Both sides as one graph. Differences have a colour, an icon and a label. */
export function DifferenceGraph({ before, after, difference, names, overlay }: Props) {
  const both = useMemo(() => {
    const trees = [parsed(before), parsed(after)] as const;
    const made = compareGraphs(outline(trees[0]), outline(trees[1]), difference);
    // Stored positions leave no room for nodes of the other side, so they are used only without such nodes.
    const positioned = (difference.removed ?? []).length > 0 || (difference.added ?? []).length > 0 ? null : trees[1];
    return { made, drawn: draw(made.graph, layout(made.graph, positioned)) };
  }, [before, after, difference]);
  if (both.made.graph.byId.size === 0) {
    return (
      <Empty title={t("versions.noNodes")}>
        <p>{t("versions.noNodesHint")}</p>
      </Empty>
    );
  }
  const label = names[0]
    ? t("versions.graphOfBoth", { before: names[0], after: names[1] })
    : t("versions.graphOf", { name: names[1] });
  return (
    <section className={css.graph} aria-label={label}>
      <ComparisonContext value={both.made}>
        <OverlayContext value={overlay ?? null}>
          <ReactFlowProvider key={`${names.join()}${both.made.graph.byId.size}`}>
            <ReactFlow
              nodes={both.drawn.nodes}
              edges={both.drawn.edges}
              nodeTypes={NODES}
              edgeTypes={EDGES}
              defaultEdgeOptions={ARROW}
              nodesDraggable={false}
              nodesConnectable={false}
              elementsSelectable={false}
              nodesFocusable={false}
              edgesFocusable={false}
              onNodeClick={(_, { id }) => both.made.graph.byId.has(id) && overlay?.choose?.(id)}
              fitView
              fitViewOptions={FIT}
              minZoom={0.05}
              deleteKeyCode={null}
              proOptions={{ hideAttribution: true }}
            >
              <Background gap={20} size={1} color="var(--line)" />
              <Controls showInteractive={false} />
            </ReactFlow>
          </ReactFlowProvider>
        </OverlayContext>
      </ComparisonContext>
    </section>
  );
}

/** Parse a document; without nodes if the text cannot be parsed. */
function parsed(text: string): Json {
  try {
    return parseSource(text);
  } catch {
    return {};
  }
}

function NodeLabel({ node }: { node: Node }) {
  const kind = kindOf(node.kind, node.language);
  const mark = useContext(ComparisonContext)?.nodes.get(node.id);
  const about = useContext(OverlayContext);
  return (
    <>
      <Handle type="target" position={Position.Top} className={canvas.handle} isConnectable={false} />
      <div className={canvas.icon} data-family={kind.family}>
        <Icon name={node.language || kind.icon} size={18} />
      </div>
      <div className={canvas.nodeText}>
        <div className={canvas.name}>{node.summary || node.id}</div>
        <div className={canvas.subtitle}>{node.summary ? `${node.id} · ${kind.name}` : kind.name}</div>
      </div>
      {mark && <MarkBadge mark={mark} />}
      {about?.note(node.id)}
      <Handle type="source" position={Position.Bottom} className={canvas.handle} isConnectable={false} />
      {/* Without them, edges of a condition are not drawn. */}
      {labelledHandles(node.kind).map(({ on, left }) => (
        <Handle
          key={on}
          id={on}
          type="source"
          position={Position.Bottom}
          className={canvas.handle}
          style={{ left: `${left * 100}%` }}
          isConnectable={false}
        />
      ))}
    </>
  );
}

function MarkBadge({ mark }: { mark: Mark }) {
  return (
    <span className={`${css.mark} ${css.onNode}`} data-mark={mark}>
      <Icon name={MARKS[mark].icon} size={12} />
      {MARKS[mark].word}
    </span>
  );
}

function Card({ data }: NodeProps<CardNode>) {
  const mark = useContext(ComparisonContext)?.nodes.get(data.node.id);
  const about = useContext(OverlayContext);
  return (
    <div className={`${canvas.card} ${css.node} ${overlayClass(about, data.node.id)}`} data-mark={mark}>
      <NodeLabel node={data.node} />
    </div>
  );
}

function Group({ data }: NodeProps<GroupNode>) {
  const mark = useContext(ComparisonContext)?.nodes.get(data.node.id);
  const about = useContext(OverlayContext);
  return (
    <div className={`${canvas.group} ${css.node} ${overlayClass(about, data.node.id)}`} data-mark={mark}>
      <header>
        <NodeLabel node={data.node} />
      </header>
    </div>
  );
}

function overlayClass(about: NodeOverlay | null, id: string): string {
  if (!about) return "";
  return [
    about.choose && about.canChoose?.(id) !== false && css.choosable,
    about.first === id && css.first,
    about.chosen === id && canvas.selected,
  ]
    .filter(Boolean)
    .join(" ");
}

function LaneBox({ data }: NodeProps<LaneNode>) {
  return (
    <div className={canvas.lane} data-titled={data.lane.title !== ""}>
      {data.lane.title && <div className={canvas.laneTitle}>{data.lane.title}</div>}
    </div>
  );
}

function Edge(props: EdgeProps<DrawnEdge>) {
  const { data, markerEnd } = props;
  const mark = useContext(ComparisonContext)?.edges.get(data ? edgeKey(data.edge) : "");
  const about = useContext(OverlayContext);
  const { path, x, y } = stepPath(props);
  if (!data) return null;
  const { edge } = data;
  const note = about?.edgeNote?.(edge);
  return (
    <>
      <BaseEdge path={path} className={css.line} data-mark={mark} {...(markerEnd ? { markerEnd } : {})} />
      {(mark || note || edge.on !== "success") && (
        <EdgeLabelRenderer>
          <div
            className={css.onEdge}
            data-edge={`${edge.from} ${edge.to} ${mark ?? "same"}`}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {edge.on !== "success" && <span className={css.outcome}>{OUTCOME_NAMES[edge.on]}</span>}
            {mark && (
              <span className={css.mark} data-mark={mark}>
                <Icon name={MARKS[mark].icon} size={12} />
                {MARKS[mark].word}
              </span>
            )}
            {note}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
