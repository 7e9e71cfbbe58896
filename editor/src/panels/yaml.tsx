import { useMemo } from "react";
import { LazyCode } from "../code/lazy-code";
import { useEditor, useEditorStore } from "../editor/context";
import { write } from "../editor/store";
import css from "../ui/panel.module.css";

/** The document as text. What cannot be read stays here and leaves the graph as it was. */
export function YamlPanel() {
  const store = useEditorStore();
  const text = useEditor((editor) => editor.pending?.text ?? editor.text);
  const readOnly = useEditor((editor) => editor.readOnly);
  const pending = useEditor((editor) => editor.pending);
  const problems = useEditor((editor) => editor.problems);
  const faults = useMemo(() => {
    if (pending) return [{ line: pending.line, message: pending.fault, severity: "error" as const }];
    return (problems ?? []).flatMap((each) =>
      each.line === undefined ? [] : [{ line: each.line ?? 1, message: each.message, severity: each.severity }],
    );
  }, [pending, problems]);
  return (
    <div className={css.pane}>
      <h2>YAML</h2>
      {pending && (
        <p className={css.help} role="alert">
          Line {pending.line}: {pending.fault} The graph shows the text as it was before.
        </p>
      )}
      <LazyCode
        label="YAML of the workflow"
        language="yaml"
        text={text}
        changed={(next) => write(store, next)}
        lines={24}
        numbers
        readOnly={readOnly}
        diagnostics={faults}
      />
    </div>
  );
}
