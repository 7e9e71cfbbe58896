import { Panel } from "@xyflow/react";
import { ActionButton } from "../actions/button";
import { useEditor } from "../editor/context";
import { t } from "../texts/canvas";
import css from "./canvas.module.css";

const ALIGN = ["left", "centre", "right", "top", "middle", "bottom", "across", "down"];

/** The actions for several selected items, above the canvas. */
export function SelectionBar() {
  const count = useEditor((editor) => editor.selection.length);
  if (count < 2) return null;
  return (
    <Panel position="top-center">
      <div className={css.bar} role="toolbar" aria-label={t("canvas.selection")}>
        <span className={css.count}>{t("canvas.selected", { count })}</span>
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
