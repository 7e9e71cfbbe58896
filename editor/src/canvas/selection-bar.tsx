import { Panel } from "@xyflow/react";
import { ActionButton } from "../actions/button";
import { useEditor } from "../editor/context";
import css from "./canvas.module.css";

const ALIGN = ["left", "centre", "right", "top", "middle", "bottom", "across", "down"];

/** What can be done with several things at once, over the canvas while they are selected. */
export function SelectionBar() {
  const count = useEditor((editor) => editor.selection.length);
  if (count < 2) return null;
  return (
    <Panel position="top-center">
      <div className={css.bar} role="toolbar" aria-label="Selection">
        <span className={css.count}>{count} selected</span>
        {ALIGN.map((how) => (
          <ActionButton key={how} name={`align-${how}`} />
        ))}
        <ActionButton name="group" />
        <ActionButton name="duplicate" />
        <ActionButton name="delete" />
      </div>
    </Panel>
  );
}
