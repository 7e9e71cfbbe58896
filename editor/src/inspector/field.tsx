import { useId, useState } from "react";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editing/context";
import { apply } from "../editing/store";
import { Input } from "../ui/controls";
import { setField } from "../workflow/commands";
import { at, isTree, type Json, type Path } from "../workflow/types";
import type { FieldOf } from "./fields";
import css from "./inspector.module.css";
import { LazyCode } from "./lazy-code";
import { reachable } from "./reach";

interface Props {
  node: string;
  base: Path;
  field: FieldOf;
}

/** One field of a node's form. Emptied, it is taken out of the document. */
export function NodeField({ node, base, field }: Props) {
  const store = useEditorStore();
  const path = [...base, ...field.path];
  const value = useEditor((editor) => at(editor.tree, path));
  const set = (next: Json | undefined) => {
    const name = `Set ${field.label.toLowerCase()} of ${node}`;
    attempt(() => apply(store, (model) => setField(model, path, next, name), path.join(".")));
  };
  const id = useId();
  if (field.how === "bool") {
    return (
      <div>
        <label className={css.check}>
          <input
            type="checkbox"
            checked={value === undefined ? field.otherwise === "yes" : value === true}
            onChange={(event) => set(event.target.checked)}
          />
          <span className={css.label}>{field.label}</span>
        </label>
        {field.help && <p className={css.help}>{field.help}</p>}
      </div>
    );
  }
  return (
    <div>
      <div className={css.fieldHead}>
        <label htmlFor={id} className={css.label}>
          {field.label}
        </label>
        {field.how === "transform" && <Mode value={value} set={set} />}
      </div>
      <Control id={id} node={node} field={field} value={value} set={set} />
      {field.help && <p className={css.help}>{field.help}</p>}
    </div>
  );
}

interface Controlled {
  value: Json | undefined;
  set: (next: Json | undefined) => void;
}

/** Whether a field is a value or an expression. */
function Mode({ value, set }: Controlled) {
  const dynamic = isTree(value ?? null) && (value as { type?: Json }).type === "javascript";
  return (
    <span className={css.mode}>
      <button type="button" aria-pressed={!dynamic} onClick={() => dynamic && set({ type: "static", value: "" })}>
        value
      </button>
      <button type="button" aria-pressed={dynamic} onClick={() => !dynamic && set({ type: "javascript", expr: "" })}>
        expression
      </button>
    </span>
  );
}

function Control({ id, node, field, value, set }: Controlled & { id: string; node: string; field: FieldOf }) {
  const language = useEditor((editor) => editor.graph.byId.get(node)?.language ?? "");
  if (field.how === "code") {
    return (
      <LazyCode label={field.label} language={language} text={String(value ?? "")} changed={set} lines={12} numbers />
    );
  }
  if (field.how === "expr") {
    return (
      <Expression node={node} label={field.label} text={String(value ?? "")} set={(text) => set(text || undefined)} />
    );
  }
  if (field.how === "choice") {
    return (
      <select
        id={id}
        className={css.select}
        value={String(value ?? "")}
        onChange={(event) => set(event.target.value || undefined)}
      >
        <option value="">{field.otherwise ? `(${field.otherwise})` : "—"}</option>
        {field.choices?.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  }
  if (field.how === "transform") return <Transform id={id} node={node} label={field.label} value={value} set={set} />;
  if (field.how === "json") return <JsonValue id={id} value={value} set={set} />;
  return (
    <Input
      id={id}
      type={field.how === "number" ? "number" : "text"}
      value={String(value ?? "")}
      placeholder={field.otherwise ?? ""}
      onChange={(event) => {
        const text = event.target.value;
        set(text === "" ? undefined : field.how === "number" ? Number(text) : text);
      }}
    />
  );
}

/** A value, or an expression: `{type: static, value}` or `{type: javascript, expr}`. */
export function Transform({ id, node, label, value, set }: Controlled & { id: string; node: string; label: string }) {
  const held = isTree(value ?? null) ? (value as { type?: Json; value?: Json; expr?: Json }) : undefined;
  if (held?.type === "javascript") {
    const text = String(held.expr ?? "");
    return <Expression node={node} label={label} text={text} set={(expr) => set({ type: "javascript", expr })} />;
  }
  const plain = held?.type === "static" ? held.value : value;
  return (
    <JsonValue
      id={id}
      value={plain}
      set={(next) => set(next === undefined ? undefined : { type: "static", value: next })}
    />
  );
}

/** A value as JSON; what is no JSON is a text. */
function JsonValue({ id, value, set }: Controlled & { id: string }) {
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typed ?? written(value);
  return (
    <Input
      id={id}
      value={shown}
      placeholder="nothing"
      onBlur={() => setTyped(null)}
      onChange={(event) => {
        setTyped(event.target.value);
        set(readValue(event.target.value));
      }}
    />
  );
}

export function written(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" && readValue(value) === value ? value : JSON.stringify(value);
}

export function readValue(text: string): Json | undefined {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** An expression with what it may be about below it; a click puts that in. */
function Expression({
  node,
  label,
  text,
  set,
}: {
  node: string;
  label: string;
  text: string;
  set: (text: string) => void;
}) {
  const { tree, graph, results } = useEditor((editor) => editor);
  const offers = reachable(tree, graph, node, results);
  return (
    <>
      <LazyCode label={label} language="javascript" text={text} changed={set} lines={1.6} offers={offers} />
      {offers.length > 0 && (
        <div className={css.chips}>
          {offers.slice(0, 8).map((offer) => (
            <button
              key={offer}
              type="button"
              className={css.chip}
              onClick={() => set(text ? `${text} ${offer}` : offer)}
            >
              {offer}
            </button>
          ))}
        </div>
      )}
    </>
  );
}
