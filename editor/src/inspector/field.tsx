import { useId, useState } from "react";
import { FixButtons } from "../actions/fix-buttons";
import { attempt } from "../actions/registry";
import type { Problem } from "../api/validation";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/inspector";
import { Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { withCode } from "../ui/with-code";
import { setField } from "../workflow/commands";
import { problemText } from "../workflow/problem-text";
import { isConnection, namesakeOf, sourcesOf } from "../workflow/scope";
import { at, isTree, type Json, type Path, text } from "../workflow/types";
import { ApproversField } from "./approvers-field";
import { CodeField } from "./code-field";
import { Connection, Expression } from "./expression";
import type { FieldSpec } from "./fields";
import { PathField } from "./path-field";
import { FieldDefault } from "./policy-default";
import { useProblemsAt } from "./use-sources";
import { formatValue, parseValue, ResourceField, ValueField } from "./value-field";

interface Props {
  node: string;
  base: Path;
  field: FieldSpec;
  /** The JSON Schema of the value, if it is known. */
  schema?: Json | undefined;
}

/** One field of the form of a node. An empty field is deleted from the document. */
export function NodeField({ node, base, field, schema }: Props) {
  const store = useEditorStore();
  const path = [...base, ...field.path];
  const value = useEditor((editor) => at(editor.tree, path));
  const set = (next: Json | undefined) => {
    const name = t("inspector.setField", { field: field.label, node });
    attempt(() => apply(store, (model) => setField(model, path, next, name), path.join(".")));
  };
  const [chosenMode, setAsked] = useState<InputMode | null>(null);
  const id = useId();
  if (field.control === "bool") return <Checkbox field={field} value={value} set={set} />;
  const mode = chosenMode ?? inputModeOf(value);
  const changeMode = (next: InputMode) => {
    setAsked(next);
    if (next === "value" && inputModeOf(value) !== "value") set(asValue(value));
    if (next === "connected" && isBlank(value)) {
      const { tree, graph, results, args } = store.getState();
      const expr = namesakeOf(sourcesOf(tree, graph, node, results, args), String(field.path.at(-1)));
      if (expr !== null) set({ type: "javascript", expr });
    }
    if (next === "expression" && inputModeOf(value) === "value") set({ type: "javascript", expr: asExpression(value) });
  };
  return (
    <div>
      <div className={css.fieldHeader}>
        <label htmlFor={id} className={css.label}>
          {field.label}
        </label>
        {(field.control === "transform" || field.control === "groups") && (
          <ModeButtons label={field.label} way={mode} go={changeMode} />
        )}
      </div>
      <Control id={id} node={node} field={field} path={path} value={value} way={mode} schema={schema} set={set} />
      {field.help && <p className={css.help}>{field.help}</p>}
      <FieldDefault path={path} />
      <FieldProblems path={path} />
    </div>
  );
}

/** The mode of an input: a value, an expression, or a reference to the output of another node. */
export type InputMode = "value" | "expression" | "connected";
const INPUT_MODES: readonly [InputMode, string][] = [
  ["value", t("inspector.value")],
  ["expression", t("inspector.expression")],
  ["connected", t("inspector.connected")],
];

export function inputModeOf(value: Json | undefined): InputMode {
  if (!isTree(value ?? null) || at(value, ["type"]) !== "javascript") return "value";
  return isConnection(text(at(value, ["expr"]))) ? "connected" : "expression";
}

/** Return an expression as a static value: the value of a literal, otherwise an empty text. */
function asValue(value: Json | undefined): Json {
  const expr = text(at(value, ["expr"]));
  try {
    return { type: "static", value: parseJson(expr) as Json };
  } catch {
    return { type: "static", value: "" };
  }
}

function asExpression(value: Json | undefined): string {
  const plain = plainOf(value);
  return plain === undefined || plain === "" ? "" : JSON.stringify(plain);
}

/** Return whether an input has neither a value nor an expression. */
const isBlank = (value: Json | undefined): boolean =>
  ["", null, undefined].includes((at(value, ["expr"]) ?? plainOf(value)) as string | null | undefined);

function plainOf(value: Json | undefined): Json | undefined {
  return isTree(value ?? null) && at(value, ["type"]) === "static" ? at(value, ["value"]) : value;
}

function ModeButtons({ label, way, go }: { label: string; way: InputMode; go: (way: InputMode) => void }) {
  return (
    <fieldset className={css.mode} aria-label={t("inspector.inputMode", { field: label })}>
      {INPUT_MODES.map(([each, name]) => (
        <button key={each} type="button" aria-pressed={way === each} onClick={() => way !== each && go(each)}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}

/** The problems at a path or below it. */
export function FieldProblems({ path }: { path: Path }) {
  return <Problems found={useProblemsAt(path)} />;
}

/** Problems with the buttons that solve them. */
export function Problems({ found }: { found: readonly Problem[] }) {
  return found.map((problem) => (
    <div key={problem.path + problem.message}>
      <p className={css.problem} data-severity={problem.severity} role="alert">
        <Icon name="warn" size={12} /> {withCode(problemText(problem.message))}
      </p>
      <FixButtons problem={problem} />
    </div>
  ));
}

interface ControlledProps {
  value: Json | undefined;
  set: (next: Json | undefined) => void;
}

function Checkbox({ field, value, set }: ControlledProps & { field: FieldSpec }) {
  return (
    <div>
      <label className={css.check}>
        <input
          type="checkbox"
          checked={value === undefined ? field.checked === true : value === true}
          onChange={(event) => set(event.target.checked)}
        />
        <span className={css.label}>{field.label}</span>
      </label>
      {field.help && <p className={css.help}>{field.help}</p>}
    </div>
  );
}

interface ControlProps extends ControlledProps {
  id: string;
  node: string;
  field: FieldSpec;
  path: Path;
  way: InputMode;
  schema: Json | undefined;
}

function Control({ id, node, field, path, value, way, schema, set }: ControlProps) {
  const { control, label } = field;
  if (control === "code") return <CodeField node={node} label={label} value={value} set={set} />;
  if (control === "expr") {
    const put = (next: string) => set(next || undefined);
    return <Expression node={node} label={label} text={text(value)} path={path} set={put} />;
  }
  if (control === "groups" && way === "value") {
    const put = (next: Json | undefined) => set(next === undefined ? undefined : { type: "static", value: next });
    return <ApproversField label={label} value={plainOf(value)} only={control} set={put} />;
  }
  if (control === "transform" || control === "groups") {
    return (
      <Transform id={id} node={node} label={label} path={path} value={value} way={way} schema={schema} set={set} />
    );
  }
  if (control === "json") return <ValueField id={id} label={label} value={value} set={set} />;
  if (control === "people") return <ApproversField label={label} value={value} set={set} />;
  if (control === "resource") return <ResourceField id={id} label={label} value={value} type="" set={set} />;
  if (control === "script" || control === "workflow")
    return <PathField id={id} kind={control} value={value} set={set} />;
  if (control === "choice") return <Choice id={id} field={field} value={value} set={set} />;
  return (
    <Input
      id={id}
      type={control === "number" ? "number" : "text"}
      value={String(value ?? "")}
      placeholder={field.fallback ?? ""}
      onChange={(event) => {
        const typed = event.target.value;
        set(typed === "" ? undefined : control === "number" ? Number(typed) : typed);
      }}
    />
  );
}

function Choice({ id, field, value, set }: ControlledProps & { id: string; field: FieldSpec }) {
  const { fallback, prompt } = field;
  const isOther = text(value) !== "" && !field.choices?.some((choice) => choice.value === value);
  return (
    <Select id={id} value={String(value ?? "")} set={(next) => set(next || undefined)}>
      {fallback && <option value="">{t("inspector.defaultChoice", { value: fallback })}</option>}
      {prompt && !value && <option value="">{prompt}</option>}
      {isOther && <option value={text(value)}>{text(value)}</option>}
      {field.choices
        // The first option stands for the default, unless the document names it.
        ?.filter((choice) => choice.name !== field.fallback || choice.value === value)
        .map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.name}
          </option>
        ))}
    </Select>
  );
}

interface TransformProps extends ControlledProps {
  id: string;
  node: string;
  label: string;
  path: Path;
  way: InputMode;
  schema?: Json | undefined;
}

/** An input, `{type: static, value}` or `{type: javascript, expr}`, in one of three modes. */
export function Transform({ id, node, label, path, value, way, schema, set }: TransformProps) {
  const expr = text(at(value, ["expr"]));
  const put = (next: string) => set({ type: "javascript", expr: next });
  if (way === "connected") {
    return <Connection node={node} label={label} text={isConnection(expr) ? expr : ""} set={put} />;
  }
  if (way === "expression") {
    return <Expression node={node} label={label} text={expr} path={[...path, "expr"]} set={put} />;
  }
  const shown = inputModeOf(value) === "value" ? plainOf(value) : undefined;
  const keep = (next: Json | undefined) => set(next === undefined ? undefined : { type: "static", value: next });
  return <ValueField id={id} label={label} value={shown} schema={schema} set={keep} />;
}

export { formatValue as written, parseValue as readValue };
