import { useState } from "react";
import { namesOf } from "../inspector/fields";
import css from "../inspector/inspector.module.css";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { exampleOf } from "../workflow/scope";
import { at, isTree, type Json, type Tree } from "../workflow/types";

interface Props {
  schema: Json | undefined;
  busy: boolean;
  /** What the fields hold at first. */
  given?: Tree | null;
  /** What the button says. */
  word?: string;
  /** What is said where the schema names no input. */
  none?: string;
  run: (args: Tree) => void;
}

type Fields = Record<string, string>;

/** A form for the inputs of a workflow, made from its schema. */
export function InputForm({
  schema,
  busy,
  given = null,
  word = "Run",
  none = "This workflow takes no inputs.",
  run,
}: Props) {
  const names = namesOf(schema);
  const properties =
    isTree(schema ?? null) && isTree((schema as Tree).properties ?? null) ? ((schema as Tree).properties as Tree) : {};
  const example = exampleOf(schema);
  const [fields, setFields] = useState<Fields>(() => filled(names, properties, given ?? {}));
  const [faults, setFaults] = useState<Fields>({});
  const submit = () => {
    const { args, wrong } = readFields(names, properties, fields, schema);
    setFaults(wrong);
    if (Object.keys(wrong).length === 0) run(args);
  };
  return (
    <form
      className={css.inner}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {names.map((name) => (
        <InputField
          key={name}
          name={name}
          schema={properties[name]}
          text={fields[name] ?? ""}
          fault={faults[name]}
          set={(text) => setFields((before) => ({ ...before, [name]: text }))}
        />
      ))}
      {names.length === 0 && <p className={css.help}>{none}</p>}
      <div className={css.row}>
        <Button look="main" icon="play" type="submit" disabled={busy}>
          {word}
        </Button>
        {example && <Button onClick={() => setFields(filled(names, properties, example))}>Fill in the example</Button>}
      </div>
    </form>
  );
}

function InputField(props: {
  name: string;
  schema: Json | undefined;
  text: string;
  fault: string | undefined;
  set: (text: string) => void;
}) {
  const { name, schema, text, fault, set } = props;
  const type = typeOf(schema);
  const choices = at(schema, ["enum"]);
  const help = at(schema, ["description"]);
  const given = { label: name, help: typeof help === "string" ? help : undefined, fault };
  if (type === "boolean" || Array.isArray(choices)) {
    const options = Array.isArray(choices)
      ? choices.map((each) => (typeof each === "string" ? each : JSON.stringify(each)))
      : ["true", "false"];
    return (
      <Field {...given}>
        <select className={controls.input} value={text} onChange={(event) => set(event.target.value)}>
          <option value="">—</option>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      </Field>
    );
  }
  if (type === "object" || type === "array") {
    return (
      <Field {...given} help={given.help ?? `JSON: ${type === "array" ? "a list" : "an object"}`}>
        <textarea
          className={controls.input}
          spellCheck={false}
          value={text}
          onChange={(event) => set(event.target.value)}
        />
      </Field>
    );
  }
  return (
    <Field {...given}>
      <Input
        inputMode={type === "number" || type === "integer" ? "decimal" : "text"}
        value={text}
        onChange={(event) => set(event.target.value)}
      />
    </Field>
  );
}

function typeOf(schema: Json | undefined): string {
  const type = at(schema, ["type"]);
  return typeof type === "string" ? type : Array.isArray(type) ? String(type[0]) : "string";
}

function filled(names: string[], properties: Tree, values: Tree): Fields {
  return Object.fromEntries(
    names.map((name) => {
      const value = values[name] ?? at(properties[name], ["default"]);
      if (value === undefined || value === null) return [name, ""];
      return [name, typeof value === "string" ? value : JSON.stringify(value, null, 2)];
    }),
  );
}

function readFields(
  names: string[],
  properties: Tree,
  fields: Fields,
  schema: Json | undefined,
): { args: Tree; wrong: Fields } {
  const args: Tree = {};
  const wrong: Fields = {};
  const required = at(schema, ["required"]);
  for (const name of names) {
    const text = fields[name] ?? "";
    const type = typeOf(properties[name]);
    if (text === "") {
      if (Array.isArray(required) && required.includes(name)) wrong[name] = "This is asked for.";
      continue;
    }
    if (type === "string") args[name] = text;
    else {
      try {
        args[name] = JSON.parse(text) as Json;
      } catch {
        wrong[name] = type === "object" || type === "array" ? "This is no JSON." : `This is no ${type}.`;
      }
    }
  }
  return { args, wrong };
}
