import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { attempt } from "../actions/registry";
import { flowQuery } from "../api/flows";
import { scriptQuery } from "../api/scripts";
import { useSignature } from "../code/use-signature";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { t } from "../texts/inspector";
import { Button, IconButton, Input } from "../ui/controls";
import css from "../ui/panel.module.css";
import { setField } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { fieldNames } from "../workflow/schema-fields";
import { at, isTree, type Json, text } from "../workflow/types";
import { NodeField } from "./field";

/** Declaration of a parameter in code, by language; the others declare those of the function `main`. */
const PARAMETERS: Readonly<Record<string, string>> = {
  bash: 'name="$1"',
  postgresql: "-- $1 name (text)",
  duckdb: "-- $name (text)",
  mysql: "-- ? name (text)",
  mssql: "-- @p1 name (varchar)",
  snowflake: "-- ? name (varchar)",
  bigquery: "-- @name (string)",
  graphql: "query ($name: String)",
};

/** Return the schema of the inputs of a node: by its code, or by the script or workflow that it runs. */
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

interface InputsProps {
  node: Node;
  /** Return the label of an input. */
  labelOf?: (name: string) => string;
  /** Texts other than those of the parameters of code. */
  texts?: { title: string; none: string; name: string };
}

/** The inputs of a node: the parameters of its code, and further ones in the document. */
export function Inputs({ node, labelOf = (name) => name, texts }: InputsProps) {
  const store = useEditorStore();
  const base = [...node.path, "value", "input_transforms"];
  const transforms = useEditor((editor) => at(editor.tree, base));
  const schema = useSchema(node);
  const [name, setName] = useState("");
  const assigned = isTree(transforms ?? null) ? Object.keys(transforms as object) : [];
  const names = [...new Set([...fieldNames(schema), ...assigned])];
  const addable = /^[A-Za-z_]\w*$/.test(name) && !names.includes(name);
  const add = () => {
    const step = t("inspector.addInput", { input: name });
    attempt(() => apply(store, (model) => setField(model, [...base, name], { type: "javascript", expr: "" }, step)));
    setName("");
  };
  return (
    <section className={css.section}>
      <h3>{texts?.title ?? t("inspector.inputs")}</h3>
      {names.length === 0 && (
        <p className={css.help}>
          {texts?.none ??
            (node.kind === "rawscript"
              ? t("inspector.noCodeInputs", { example: PARAMETERS[node.language] ?? "main(name)" })
              : t("inspector.noInputs"))}
        </p>
      )}
      {names.map((each) => (
        <div key={each} className={css.input}>
          <NodeField
            node={node.id}
            base={base}
            field={{ path: [each], label: labelOf(each), control: "transform" }}
            schema={at(schema, ["properties", each])}
          />
          {assigned.includes(each) && (
            <IconButton
              label={t("inspector.removeInput", { input: each })}
              icon="cross"
              onClick={() =>
                attempt(() =>
                  apply(store, (model) =>
                    setField(model, [...base, each], undefined, t("inspector.removeInput", { input: each })),
                  ),
                )
              }
            />
          )}
        </div>
      ))}
      <div className={css.row}>
        <Input
          aria-label={texts?.name ?? t("inspector.inputName")}
          placeholder={texts?.name ?? t("inspector.inputName")}
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && addable && add()}
        />
        <Button icon="plus" disabled={!addable} onClick={add}>
          {t("ui.add")}
        </Button>
      </div>
    </section>
  );
}
