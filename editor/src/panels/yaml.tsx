import { useMemo } from "react";
import { LazyCode } from "../code/lazy-code";
import { useEditor, useEditorStore } from "../editor/context";
import { write } from "../editor/store";
import { t } from "../texts/panels";
import css from "../ui/panel.module.css";

/** The document as text. Invalid text stays here and does not change the graph. */
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
      <h2>{t("panels.yaml")}</h2>
      {pending && (
        <p className={css.help} role="alert">
          {t("panels.lineError", { line: pending.line, error: pending.fault })} {t("panels.graphUnchanged")}
        </p>
      )}
      <LazyCode
        label={t("panels.yamlOf")}
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
