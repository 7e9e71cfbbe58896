import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { attempt } from "../actions/registry";
import { flowQuery } from "../api/flows";
import { scriptQuery } from "../api/scripts";
import { useSignature } from "../code/use-signature";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { Button, IconButton, Input } from "../ui/controls";
import css from "../ui/panel.module.css";
import { setField } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { fieldNames } from "../workflow/schema-fields";
import { at, isTree, type Json, text } from "../workflow/types";
import { NodeField } from "./field";

/** The schema of what a node takes: by its code, or of what it calls. */
function useSchema(node: Node): Json | undefined {
  const workspace = useEditor((editor) => editor.workspace);
  const content = useEditor((editor) => text(at(editor.tree, [...node.path, "value", "content"])));
  const path = useEditor((editor) => text(at(editor.tree, [...node.path, "value", "path"])));
  const signature = useSignature(workspace, node.language, content);
  const script = useQuery({
    ...scriptQuery(workspace, path),
    enabled: node.kind === "script" && path !== "",
    retry: false,
  });
  const flow = useQuery({ ...flowQuery(workspace, path), enabled: node.kind === "flow" && path !== "", retry: false });
  if (node.kind === "script") return script.data?.schema as Json | undefined;
  if (node.kind === "flow") return flow.data?.schema as Json | undefined;
  return signature.data?.schema as Json | undefined;
}

/** What a node gets: the parameters of its code, and whatever else the document names. */
export function Inputs({ node }: { node: Node }) {
  const store = useEditorStore();
  const base = [...node.path, "value", "input_transforms"];
  const transforms = useEditor((editor) => at(editor.tree, base));
  const schema = useSchema(node);
  const [name, setName] = useState("");
  const assigned = isTree(transforms ?? null) ? Object.keys(transforms as object) : [];
  const names = [...new Set([...fieldNames(schema), ...assigned])];
  const add = () => {
    attempt(() =>
      apply(store, (model) => setField(model, [...base, name], { type: "javascript", expr: "" }, `Add input ${name}`)),
    );
    setName("");
  };
  return (
    <section className={css.section}>
      <h3>Inputs</h3>
      {names.length === 0 && (
        <p className={css.help}>
          {node.kind === "rawscript" ? "It takes nothing yet: give `main` parameters, or name an input." : "None yet."}
        </p>
      )}
      {names.map((each) => (
        <div key={each} className={css.input}>
          <NodeField
            node={node.id}
            base={base}
            field={{ path: [each], label: each, control: "transform" }}
            schema={at(schema, ["properties", each])}
          />
          {assigned.includes(each) && (
            <IconButton
              label={`Remove the input ${each}`}
              icon="cross"
              onClick={() =>
                attempt(() =>
                  apply(store, (model) => setField(model, [...base, each], undefined, `Remove input ${each}`)),
                )
              }
            />
          )}
        </div>
      ))}
      <div className={css.row}>
        <Input
          aria-label="Name of an input"
          placeholder="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button icon="plus" disabled={!/^[A-Za-z_]\w*$/.test(name) || names.includes(name)} onClick={add}>
          Add
        </Button>
      </div>
    </section>
  );
}
