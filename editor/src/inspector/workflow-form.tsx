import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { Field, Input } from "../ui/controls";
import css from "../ui/panel.module.css";
import { isBranching } from "../workflow/branches";
import { setField } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { at, text } from "../workflow/types";
import { Branches } from "./branches";
import { SchemaFields } from "./schema-fields";

/** What only some kinds of nodes have. */
export function KindFields({ node }: { node: Node }) {
  if (isBranching(node.kind)) return <Branches node={node} />;
  if (node.kind !== "approval") return null;
  return (
    <SchemaFields
      title="Form of the approval"
      path={[...node.path, "value", "form"]}
      none="Whoever decides is asked for nothing else."
    />
  );
}

/** The form of the workflow itself, where no node is selected. */
export function WorkflowForm() {
  const store = useEditorStore();
  const tree = useEditor((editor) => editor.tree);
  const set = (key: string, label: string) => (value: string) =>
    attempt(() => apply(store, (model) => setField(model, [key], value || undefined, label), key));
  return (
    <div className={css.pane}>
      <h2>Workflow</h2>
      <Field label="Summary">
        <Input
          value={text(at(tree, ["summary"]))}
          onChange={(event) => set("summary", "Set the summary")(event.target.value)}
        />
      </Field>
      <Field label="Description">
        <textarea
          className={css.textarea}
          rows={3}
          value={text(at(tree, ["description"]))}
          onChange={(event) => set("description", "Set the description")(event.target.value)}
        />
      </Field>
      <SchemaFields title="Input of the workflow" path={["schema"]} none="A run is asked for nothing." />
      <p className={css.help}>Choose a node on the graph for its form, or press N to add one.</p>
    </div>
  );
}
