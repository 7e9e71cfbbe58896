import { Handle, type NodeProps, Position } from "@xyflow/react";
import { memo, type ReactNode } from "react";
import { useShallow } from "zustand/react/shallow";
import { useEditor, useEditorStore } from "../../editor/context";
import { shownStatusOf } from "../../editor/outdated";
import { nodeStateOf } from "../../editor/run-watch";
import type { Editor } from "../../editor/store";
import { statusStyle } from "../../lib/status";
import { duration } from "../../lib/time";
import { t } from "../../texts/canvas";
import { Icon } from "../../ui/icon";
import { Status } from "../../ui/status";
import { isDisabled, laneOf, type Spot } from "../../workflow/commands";
import { isLoop, kindOf } from "../../workflow/kinds";
import { OUTCOME_NAMES } from "../../workflow/outcome-names";
import type { Node } from "../../workflow/outline";
import { isPinned } from "../../workflow/pins";
import type { Outcome } from "../../workflow/types";
import css from "../canvas.module.css";
import { type CardNode, type GroupNode, type LaneNode, labelledHandles } from "../draw";
import { IterationPicker } from "../iterations";
import { NodeName } from "./name";
import { worstSeverity } from "./severity";

/** Class of elements on which a press with Shift selects the node and starts no selection box. */
const NO_BOX = "nokey";

function Handles({ node }: { node: Node }) {
  const labelled = labelledHandles(node.kind);
  return (
    <>
      <Handle type="target" position={Position.Top} className={css.handle} />
      {/* Edges start here. They are drawn from the labelled handles if there are any, so that their outcome is clear. */}
      <Handle
        type="source"
        position={Position.Bottom}
        className={`${css.handle} ${labelled.length > 0 ? css.anchor : ""}`}
        isConnectable={labelled.length === 0}
      />
      {labelled.map(({ on, left }) => (
        <Handle
          key={on}
          id={on}
          type="source"
          position={Position.Bottom}
          className={`${css.handle} ${css.labelled}`}
          style={{ left: `${left * 100}%` }}
          title={t("canvas.connectOn", { outcome: OUTCOME_NAMES[on] })}
        >
          <HandleLabel node={node} on={on} />
        </Handle>
      ))}
    </>
  );
}

/** Name of the outcome below a handle, unless an edge shows it already. */
function HandleLabel({ node, on }: { node: Node; on: Outcome }) {
  const drawn = useEditor(
    ({ graph }) =>
      node.list.length > 1 && laneOf(graph, node).edges.some((edge) => edge.from === node.id && edge.on === on),
  );
  return (
    <span className={css.handleLabel} hidden={drawn}>
      {OUTCOME_NAMES[on]}
    </span>
  );
}

function NodeLabel({ node }: { node: Node }) {
  const kind = kindOf(node.kind, node.language);
  return (
    <>
      <div className={css.icon} data-family={kind.family}>
        <Icon name={node.language || kind.icon} size={18} />
      </div>
      <div className={css.nodeText}>
        <div className={css.name}>{node.summary || node.id}</div>
        <div className={css.subtitle}>{node.summary ? `${node.id} · ${kind.name}` : kind.name}</div>
      </div>
      <NodeMarks id={node.id} />
      <ProblemMark id={node.id} />
      <Badge id={node.id} />
    </>
  );
}

/** Marks of a node with a pinned or reused output, or a breakpoint. */
function NodeMarks({ id }: { id: string }) {
  const pinned = useEditor((editor) => isPinned(editor, id));
  const reused = useEditor((editor) => nodeStateOf(editor, id)?.kept === true);
  const held = useEditor((editor) => editor.live?.graph?.breakpoints?.includes(id));
  return (
    <>
      {pinned && <Mark icon="pin" title={t("canvas.pinned")} />}
      {reused && <Mark icon="copy" title={t("canvas.reused")} />}
      {held && <Mark icon="pause" title={t("canvas.breakpoint")} />}
    </>
  );
}

const Mark = ({ icon, title }: { icon: string; title: string }) => (
  <span className={css.mark} title={title}>
    <Icon name={icon} size={14} />
  </span>
);

/** The state of the node in the shown test. */
function Badge({ id }: { id: string }) {
  const state = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, id)));
  const outdated = useEditor((editor) => shownStatusOf(editor, id) === "outdated");
  if (!state || state.status === "pending") return null;
  if (outdated) {
    return (
      <span className={css.badge} title={t("canvas.outdated")} data-state="outdated">
        <Status status="outdated" />
      </span>
    );
  }
  const { bodies } = state;
  const counted =
    bodies && (bodies.total ?? 0) > 0 ? `${(bodies.succeeded ?? 0) + (bodies.failed ?? 0)}/${bodies.total}` : null;
  const again = state.attempt !== undefined && state.attempt > 1 ? `×${state.attempt}` : null;
  const took = state.duration_ms === undefined ? null : duration(state.duration_ms ?? 0);
  const plain = state.kept && state.status === "succeeded" ? t("ui.reused") : statusStyle(state.status).label;
  const word = [counted, again, took].filter(Boolean).join(" ") || plain;
  return (
    <span className={css.badge} title={statusStyle(state.status).label} data-state={state.status}>
      <Status status={state.status} word={word} />
    </span>
  );
}

/** The sign of a node with problems. */
function ProblemMark({ id }: { id: string }) {
  const severity = useEditor((editor) => worstSeverity(editor, id));
  if (!severity) return null;
  return (
    <span
      className={css.problem}
      data-severity={severity}
      title={severity === "error" ? t("canvas.error") : t("canvas.warning")}
    >
      <Icon name="warn" />
    </span>
  );
}

/** The button below a node that adds the next one. */
function AddAfter({ node }: { node: Node }) {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  const spot = (): Spot => ({ lane: laneOf(store.getState().graph, node), after: node.id });
  if (readOnly || node.list.length < 2) return null;
  return (
    <button
      type="button"
      className={`nodrag ${css.addAfter}`}
      aria-label={t("canvas.addAfter", { node: node.id })}
      title={t("canvas.addAfter", { node: node.id })}
      tabIndex={-1}
      onClick={(event) => {
        event.stopPropagation();
        store.setState({ dialog: { kind: "add", spot: spot() } });
      }}
    >
      <Icon name="plus" size={12} />
    </button>
  );
}

function useNodeClass(node: Node, selected: boolean | undefined): string {
  const off = useEditor((editor) => isDisabled(editor, node.id));
  const pinned = useEditor((editor) => isPinned(editor, node.id));
  const reused = useEditor((editor) => nodeStateOf(editor, node.id)?.kept === true);
  const tone = useEditor((editor) => {
    const status = shownStatusOf(editor, node.id);
    return status && status !== "pending" ? statusStyle(status).tone : null;
  });
  return [selected && css.selected, off && css.disabled, pinned && css.pinned, reused && css.reused, tone && css[tone]]
    .filter(Boolean)
    .join(" ");
}

export const Card = memo(({ data, selected }: NodeProps<CardNode>) => {
  return (
    <Frame node={data.node} className={`${css.card} ${NO_BOX} ${useNodeClass(data.node, selected)}`}>
      <NodeLabel node={data.node} />
    </Frame>
  );
});

export const Group = memo(({ data, selected }: NodeProps<GroupNode>) => {
  const shown = useEditor(({ live }) => live !== null);
  return (
    <Frame node={data.node} className={`${css.group} ${useNodeClass(data.node, selected)}`}>
      <header className={NO_BOX}>
        <NodeLabel node={data.node} />
        {shown && isLoop(data.node.kind) && <IterationPicker node={data.node} brief tabStop={selected === true} />}
      </header>
    </Frame>
  );
});

function Frame({ node, className, children }: { node: Node; className: string; children: ReactNode }) {
  return (
    <div className={className} title={node.lanes.length > 0 ? undefined : node.summary || node.id}>
      <NodeName node={node} />
      <Handles node={node} />
      {children}
      <AddAfter node={node} />
    </div>
  );
}

export const LaneBox = memo(({ data }: NodeProps<LaneNode>) => {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  const { lane } = data;
  return (
    <div className={css.lane} data-titled={lane.title !== "" || lane.nodes.length === 0}>
      {lane.title && (
        <div className={css.laneTitle} title={lane.title}>
          {lane.title}
        </div>
      )}
      {lane.nodes.length === 0 && !readOnly && (
        <button
          type="button"
          className={`nodrag ${css.addInside}`}
          tabIndex={-1}
          onClick={() => store.setState({ dialog: { kind: "add", spot: { lane, start: true } } })}
        >
          <Icon name="plus" size={12} /> {t("canvas.add")}
        </button>
      )}
    </div>
  );
});
