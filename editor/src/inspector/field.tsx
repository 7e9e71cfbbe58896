import { useId, useState } from "react";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editing/context";
import { apply } from "../editing/store";
import { Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import { setField } from "../workflow/commands";
import { isConnection } from "../workflow/scope";
import { at, isTree, type Json, type Path, text } from "../workflow/types";
import { Called } from "./called";
import { CodeField } from "./code-field";
import { Connection, Expression } from "./expression";
import type { FieldOf } from "./fields";
import css from "./inspector.module.css";
import { People } from "./people";
import { useFaults } from "./scope";
import { Reference, readValue, Value, written } from "./value";

interface Props {
  node: string;
  base: Path;
  field: FieldOf;
  /** What the value must be, where that is known. */
  schema?: Json | undefined;
}

/** One field of a node's form. Emptied, it is taken out of the document. */
export function NodeField({ node, base, field, schema }: Props) {
  const store = useEditorStore();
  const path = [...base, ...field.path];
  const value = useEditor((editor) => at(editor.tree, path));
  const set = (next: Json | undefined) => {
    const name = `Set ${field.label.toLowerCase()} of ${node}`;
    attempt(() => apply(store, (model) => setField(model, path, next, name), path.join(".")));
  };
  const [asked, setAsked] = useState<Way | null>(null);
  const id = useId();
  if (field.how === "bool") return <Tick field={field} value={value} set={set} />;
  const way = asked ?? wayOf(value);
  const go = (next: Way) => {
    setAsked(next);
    if (next === "value" && wayOf(value) !== "value") set(asValue(value));
    if (next === "expression" && wayOf(value) === "value") set({ type: "javascript", expr: asExpression(value) });
  };
  return (
    <div>
      <div className={css.fieldHead}>
        <label htmlFor={id} className={css.label}>
          {field.label}
        </label>
        {(field.how === "transform" || field.how === "groups") && <Ways label={field.label} way={way} go={go} />}
      </div>
      <Control id={id} node={node} field={field} path={path} value={value} way={way} schema={schema} set={set} />
      {field.help && <p className={css.help}>{field.help}</p>}
      <Faults path={path} />
    </div>
  );
}

/** How a field is filled in: a value, an expression, or what another node gave. */
export type Way = "value" | "expression" | "connected";
const WAYS: readonly Way[] = ["value", "expression", "connected"];

export function wayOf(value: Json | undefined): Way {
  if (!isTree(value ?? null) || at(value, ["type"]) !== "javascript") return "value";
  return isConnection(text(at(value, ["expr"]))) ? "connected" : "expression";
}

/** What stays of an expression as a value: what it says, where that is a value already. */
function asValue(value: Json | undefined): Json {
  const expr = text(at(value, ["expr"]));
  try {
    return { type: "static", value: JSON.parse(expr) as Json };
  } catch {
    return { type: "static", value: "" };
  }
}

function asExpression(value: Json | undefined): string {
  const plain = plainOf(value);
  return plain === undefined || plain === "" ? "" : JSON.stringify(plain);
}

function plainOf(value: Json | undefined): Json | undefined {
  return isTree(value ?? null) && at(value, ["type"]) === "static" ? at(value, ["value"]) : value;
}

function Ways({ label, way, go }: { label: string; way: Way; go: (way: Way) => void }) {
  return (
    <fieldset className={css.mode} aria-label={`How ${label} is filled in`}>
      {WAYS.map((each) => (
        <button key={each} type="button" aria-pressed={way === each} onClick={() => way !== each && go(each)}>
          {each}
        </button>
      ))}
    </fieldset>
  );
}

/** What the server says against the field. */
function Faults({ path }: { path: Path }) {
  const faults = useFaults(path);
  return faults.map((fault) => (
    <p key={fault.message} className={css.faultOf} data-severity={fault.severity} role="alert">
      <Icon name="warn" size={12} /> {fault.message.replace(/^node [^:]*: /, "")}
    </p>
  ));
}

interface Controlled {
  value: Json | undefined;
  set: (next: Json | undefined) => void;
}

function Tick({ field, value, set }: Controlled & { field: FieldOf }) {
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

interface ControlProps extends Controlled {
  id: string;
  node: string;
  field: FieldOf;
  path: Path;
  way: Way;
  schema: Json | undefined;
}

function Control({ id, node, field, path, value, way, schema, set }: ControlProps) {
  const { how, label } = field;
  if (how === "code") return <CodeField node={node} label={label} value={value} set={set} />;
  if (how === "expr") {
    const put = (next: string) => set(next || undefined);
    return <Expression node={node} label={label} text={text(value)} path={path} set={put} />;
  }
  if (how === "groups" && way === "value") {
    const put = (next: Json | undefined) => set(next === undefined ? undefined : { type: "static", value: next });
    return <People label={label} value={plainOf(value)} names={how} set={put} />;
  }
  if (how === "transform" || how === "groups") {
    return (
      <Transform id={id} node={node} label={label} path={path} value={value} way={way} schema={schema} set={set} />
    );
  }
  if (how === "json") return <Value id={id} label={label} value={value} set={set} />;
  if (how === "people") return <People label={label} value={value} set={set} />;
  if (how === "resource") return <Reference id={id} label={label} value={value} type="" set={set} />;
  if (how === "script" || how === "workflow") return <Called id={id} what={how} value={value} set={set} />;
  if (how === "choice") return <Choice id={id} field={field} value={value} set={set} />;
  return (
    <Input
      id={id}
      type={how === "number" ? "number" : "text"}
      value={String(value ?? "")}
      placeholder={field.otherwise ?? ""}
      onChange={(event) => {
        const typed = event.target.value;
        set(typed === "" ? undefined : how === "number" ? Number(typed) : typed);
      }}
    />
  );
}

function Choice({ id, field, value, set }: Controlled & { id: string; field: FieldOf }) {
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

interface TransformProps extends Controlled {
  id: string;
  node: string;
  label: string;
  path: Path;
  way: Way;
  schema?: Json | undefined;
}

/** `{type: static, value}` or `{type: javascript, expr}`, filled in in one of three ways. */
export function Transform({ id, node, label, path, value, way, schema, set }: TransformProps) {
  const expr = text(at(value, ["expr"]));
  const put = (next: string) => set({ type: "javascript", expr: next });
  if (way === "connected") {
    return <Connection node={node} label={label} text={isConnection(expr) ? expr : ""} set={put} />;
  }
  if (way === "expression") {
    return <Expression node={node} label={label} text={expr} path={[...path, "expr"]} set={put} />;
  }
  const shown = wayOf(value) === "value" ? plainOf(value) : undefined;
  const keep = (next: Json | undefined) => set(next === undefined ? undefined : { type: "static", value: next });
  return <Value id={id} label={label} value={shown} schema={schema} set={keep} />;
}

export { readValue, written };
