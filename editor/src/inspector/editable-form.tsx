import type { ReactNode } from "react";
import { useEditor } from "../editor/context";
import css from "../ui/panel.module.css";

/** Fields of the workflow, disabled where it is read only. */
export function EditableForm({ children }: { children: ReactNode }) {
  const readOnly = useEditor((editor) => editor.readOnly);
  return (
    <fieldset className={css.editable} disabled={readOnly}>
      {children}
    </fieldset>
  );
}
