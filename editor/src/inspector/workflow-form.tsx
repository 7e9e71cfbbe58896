import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply, labelsIn } from "../editor/store";
import { LabelsField } from "../forms/labels-field";
import { t } from "../texts/inspector";
import { LOCALE } from "../texts/language";
import { Field, Input } from "../ui/controls";
import css from "../ui/panel.module.css";
import { isBranching } from "../workflow/branches";
import { setField } from "../workflow/commands";
import { isLoop } from "../workflow/kinds";
import type { Node } from "../workflow/outline";
import { resultNodes } from "../workflow/result-nodes";
import { at, text } from "../workflow/types";
import { Branches } from "./branches";
import { WorkflowDefaults } from "./policy-default";
import { SchemaFields } from "./schema-fields";

const LIST = new Intl.ListFormat(LOCALE);

/** The fields of some kinds of nodes: branches, the form of an approval, the result of a loop. */
export function KindFields({ node }: { node: Node }) {
  if (isBranching(node.kind)) return <Branches node={node} />;
  if (isLoop(node.kind)) return <LoopResult node={node} />;
  if (node.kind !== "approval") return null;
  return (
    <SchemaFields
      title={t("inspector.approvalForm")}
      path={[...node.path, "value", "form"]}
      none={t("inspector.noFields")}
    />
  );
}

/** Explanation of the result of a loop: the outputs of the last nodes of its body, for each iteration. */
function LoopResult({ node }: { node: Node }) {
  const [lane] = node.lanes;
  const last = lane ? resultNodes(lane) : [];
  if (last.length === 0) return null;
  const names = { count: last.length, nodes: LIST.format(last) };
  return <p className={css.help}>{t("inspector.loopResult", names)}</p>;
}

/** The settings of the workflow, shown if no node is selected. */
export function WorkflowForm() {
  const store = useEditorStore();
  const tree = useEditor((editor) => editor.tree);
  const labels = useEditor(labelsIn);
  const lockError = useEditor((editor) => editor.flow.lock_error_logs);
  const set = (key: string, label: string) => (value: string) =>
    attempt(() => apply(store, (model) => setField(model, [key], value || undefined, label), key));
  return (
    <div className={css.pane}>
      <h2>{t("inspector.workflowSettings")}</h2>
      {lockError && (
        <div>
          <h3>{t("inspector.lockFailed")}</h3>
          <pre className={css.value}>{lockError}</pre>
        </div>
      )}
      <Field label={t("inspector.summary")}>
        <Input
          value={text(at(tree, ["summary"]))}
          onChange={(event) => set("summary", t("inspector.setSummary"))(event.target.value)}
        />
      </Field>
      <Field label={t("ui.description")}>
        <textarea
          className={css.textarea}
          rows={3}
          value={text(at(tree, ["description"]))}
          onChange={(event) => set("description", t("inspector.setDescription"))(event.target.value)}
        />
      </Field>
      <LabelsField
        labels={labels}
        set={(next) =>
          attempt(() => apply(store, (model) => setField(model, ["labels"], next, t("inspector.setLabels"))))
        }
      />
      <SchemaFields title={t("workflow.input")} path={["schema"]} none={t("inspector.noInputs")} />
      <WorkflowDefaults />
      <p className={css.help}>{t("inspector.selectNode")}</p>
    </div>
  );
}
