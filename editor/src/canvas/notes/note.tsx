import { type NodeProps, NodeResizer } from "@xyflow/react";
import { memo } from "react";
import { focusSoon } from "../../actions/action";
import { attempt } from "../../actions/registry";
import { useEditor, useEditorStore } from "../../editing/context";
import { apply } from "../../editing/store";
import { notesOf, setNote } from "../../workflow/notes";
import type { FrameNode, NoteNode } from "../draw";
import css from "./notes.module.css";

/** A sticky note: its text is written in the pane beside the graph. */
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
        name: "Size a note",
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
      <div className={css.text}>{note.text || "An empty note: a double click writes on it."}</div>
    </div>
  );
});

/** A frame around nodes; its head moves them together. */
export const FrameBox = memo(({ data, selected }: NodeProps<FrameNode>) => {
  const { group } = data;
  return (
    <div className={css.frame} data-colour={group.color} data-selected={selected}>
      <div className={css.head} data-frame-head title={group.note || group.summary}>
        {group.summary || "Group"}
      </div>
    </div>
  );
});
