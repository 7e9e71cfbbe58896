import type { Problem } from "../api/validation";
import { useEditor, useEditorStore } from "../editor/context";
import { apply, modelOf } from "../editor/store";
import { Button } from "../ui/controls";
import css from "../ui/panel.module.css";
import { fixesOf } from "../workflow/fixes";
import { attempt } from "./registry";

/** Buttons of the changes of which each solves a problem; nothing if only the user can. */
export function FixButtons({ problem }: { problem: Problem }) {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  const fixes = useEditor(({ graph }) => graph) && fixesOf(modelOf(store.getState()), problem);
  if (readOnly || fixes.length === 0) return null;
  return (
    <div className={css.fixes}>
      {fixes.map(({ label, change }) => (
        <Button key={label} onClick={() => attempt(() => apply(store, change))}>
          {label}
        </Button>
      ))}
    </div>
  );
}
