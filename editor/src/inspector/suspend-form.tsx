import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { t } from "../texts/inspector";
import css from "../ui/panel.module.css";
import { setField } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { at, isTree } from "../workflow/types";
import { NodeField } from "./field";
import { SUSPEND_FIELDS } from "./fields";
import { SchemaFields } from "./schema-fields";

/** The approval between this node and the next one: approvers, form and timeout. */
export function SuspendForm({ node }: { node: Node }) {
  const store = useEditorStore();
  const path = [...node.path, "suspend"];
  const isEnabled = useEditor((editor) => isTree(at(editor.tree, path) ?? null));
  const toggle = (on: boolean) => {
    const name = on ? t("inspector.addApproval", { node: node.id }) : t("inspector.removeApproval", { node: node.id });
    attempt(() => apply(store, (model) => setField(model, path, on ? { required_events: 1 } : undefined, name)));
  };
  return (
    <details className={css.section} open={isEnabled || undefined}>
      <summary>{t("inspector.approvalAfter")}</summary>
      <div className={css.inner}>
        <label className={css.check}>
          <input type="checkbox" checked={isEnabled} onChange={(event) => toggle(event.target.checked)} />
          <span className={css.label}>{t("inspector.waitForApproval")}</span>
        </label>
        {isEnabled &&
          SUSPEND_FIELDS.map((field) => (
            <NodeField key={field.path.join(".")} node={node.id} base={node.path} field={field} />
          ))}
        {isEnabled && (
          <SchemaFields
            title={t("inspector.approvalForm")}
            path={[...path, "resume_form", "schema"]}
            none={t("inspector.noFields")}
          />
        )}
      </div>
    </details>
  );
}
