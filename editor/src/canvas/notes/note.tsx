import { Handle, type NodeProps, NodeResizer, Position } from "@xyflow/react";
import { memo } from "react";
import { focusSoon } from "../../actions/action";
import { attempt } from "../../actions/registry";
import { useEditor, useEditorStore } from "../../editor/context";
import { nodeStateOf } from "../../editor/run-watch";
import { apply } from "../../editor/store";
import { t } from "../../texts/canvas";
import { Icon } from "../../ui/icon";
import { Status } from "../../ui/status";
import { foldGroup, type Group } from "../../workflow/groups";
import { notesOf, setNote } from "../../workflow/notes";
import type { FoldedNode, FrameNode, NoteNode } from "../draw";
import css from "./notes.module.css";

/** A sticky note; its text is edited in the pane beside the graph. */
export const NoteCard = memo(({ data, selected }: NodeProps<NoteNode>) => {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  const { note } = data;
  const write = () => {
    store.setState({ panel: "node" });
    focusSoon("note");
  };
  const sized = (_: unknown, box: { x: number; y: number; width: number; height: number }) => {
    const now = notesOf(store.getState().tree).find((each) => each.key === note.key);
    if (!now) return;
    const size = { width: Math.round(box.width), height: Math.round(box.height) };
    const position = { x: Math.round(box.x), y: Math.round(box.y) };
    attempt(() =>
      apply(store, () => ({
        name: t("workflow.resizeNote"),
        edits: [
          ...setNote(now, "size", size).edits,
          ...(now.x === position.x && now.y === position.y ? [] : setNote(now, "position", position).edits),
        ],
      })),
    );
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Enter opens it too, from the canvas
    <div
      className={css.note}
      data-colour={note.color}
      data-selected={selected}
      onDoubleClick={readOnly ? undefined : write}
    >
      <NodeResizer
        isVisible={selected && !readOnly}
        minWidth={120}
        minHeight={60}
        onResizeEnd={sized}
        color="var(--accent)"
      />
      <div className={css.text}>{note.text || t("canvas.emptyNote")}</div>
    </div>
  );
});

/** A frame around nodes; its head moves them together. */
export const FrameBox = memo(({ data, selected }: NodeProps<FrameNode>) => {
  const { group } = data;
  return (
    <div className={css.frame} data-colour={group.color} data-selected={selected}>
      <div className={css.top}>
        <div className={css.head} data-frame-head title={group.note || group.summary}>
          {group.summary || t("workflow.group")}
        </div>
        <FoldButton group={group} tabStop={selected} />
      </div>
    </div>
  );
});

/** The states that a folded group shows: the first one that a node of it has. */
const STATUS_PRIORITY = ["failed", "running", "awaiting_approval", "paused", "queued", "succeeded"];

/** A folded group, in place of its nodes. */
export const FoldedBox = memo(({ data, selected }: NodeProps<FoldedNode>) => {
  const { group } = data;
  const status = useEditor((editor) => {
    const found = new Set(group.ids.map((id) => nodeStateOf(editor, id)?.status));
    return STATUS_PRIORITY.find((each) => found.has(each));
  });
  return (
    <div
      className={`${css.frame} ${css.folded}`}
      data-colour={group.color}
      data-selected={selected}
      title={group.note || group.summary}
    >
      <Handle type="target" position={Position.Top} />
      <div className={css.words}>
        <strong>{group.summary || t("workflow.group")}</strong>
        <span>{t("canvas.nodes", { count: group.ids.length })}</span>
      </div>
      {status && <Status status={status} />}
      <FoldButton group={group} tabStop={selected} />
      <Handle type="source" position={Position.Bottom} />
    </div>
  );
});

/** Folds or unfolds a group. */
function FoldButton({ group, tabStop }: { group: Group; tabStop: boolean }) {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  if (readOnly) return null;
  const values = { group: group.summary || t("workflow.group") };
  const label = group.folded ? t("workflow.unfoldGroup", values) : t("workflow.foldGroup", values);
  return (
    <button
      type="button"
      className={`nodrag ${css.fold}`}
      aria-label={label}
      aria-expanded={!group.folded}
      tabIndex={tabStop ? 0 : -1}
      title={label}
      onClick={(event) => {
        event.stopPropagation();
        attempt(() => apply(store, () => foldGroup(group, !group.folded)));
      }}
    >
      <Icon name={group.folded ? "plus" : "minus"} size={12} />
    </button>
  );
}
