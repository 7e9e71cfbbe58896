import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "react-router";
import { resourcesQuery } from "../api/options";
import { t } from "../texts/forms";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { fieldNames } from "../workflow/schema-fields";
import { exampleOf } from "../workflow/scope";
import { at, isTree, type Json, type Tree } from "../workflow/types";

interface Props {
  schema: Json | undefined;
  busy: boolean;
  /** Initial values of the fields. */
  initial?: Tree | null;
  /** Text of the button. */
  submitLabel?: string;
  /** Text shown if the schema has no inputs. */
  noInputsText?: string;
  run: (args: Tree) => void;
}

type Fields = Record<string, string>;

/** Form of the inputs of a workflow or script, made from its schema. */
export function InputForm({
  schema,
  busy,
  initial = null,
  submitLabel = t("ui.run"),
  noInputsText = t("forms.noInputs"),
  run,
}: Props) {
  const names = fieldNames(schema);
  const properties =
    isTree(schema ?? null) && isTree((schema as Tree).properties ?? null) ? ((schema as Tree).properties as Tree) : {};
  const example = exampleOf(schema);
  const [typed, setTyped] = useState<Fields>({});
  const fields = { ...initialFields(names, properties, initial ?? {}), ...typed };
  const [errors, setErrors] = useState<Fields>({});
  const submit = () => {
    const { args, wrong } = readFields(names, properties, fields, schema);
    setErrors(wrong);
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
          error={errors[name]}
          set={(text) => setTyped((before) => ({ ...before, [name]: text }))}
        />
      ))}
      {names.length === 0 && <p className={css.help}>{noInputsText}</p>}
      <div className={css.row}>
        <Button look="main" icon="play" type="submit" disabled={busy}>
          {submitLabel}
        </Button>
        {example && (
          <Button onClick={() => setTyped(initialFields(names, properties, example))}>{t("forms.useExample")}</Button>
        )}
      </div>
    </form>
  );
}

function InputField(props: {
  name: string;
  schema: Json | undefined;
  text: string;
  error: string | undefined;
  set: (text: string) => void;
}) {
  const { name, schema, text, error, set } = props;
  const type = typeOf(schema);
  const choices = at(schema, ["enum"]);
  const help = at(schema, ["description"]);
  const title = at(schema, ["title"]);
  const given = {
    label: typeof title === "string" && title ? title : name,
    help: typeof help === "string" ? help : undefined,
    error,
  };
  const resource = resourceOf(schema);
  if (resource) return <ResourceField {...given} type={resource} text={text} set={set} />;
  if (type === "boolean" || Array.isArray(choices)) {
    const options = Array.isArray(choices)
      ? choices.map((each) => (typeof each === "string" ? each : JSON.stringify(each)))
      : ["true", "false"];
    return (
      <Field {...given}>
        <Select value={text} set={(next) => set(next)}>
          <option value="">—</option>
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </Select>
      </Field>
    );
  }
  if (type === "object" || type === "array") {
    return (
      <Field {...given} help={given.help ?? (type === "array" ? t("forms.array") : t("forms.object"))}>
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

/** Resource type of an input; null of other inputs. */
function resourceOf(schema: Json | undefined): string | null {
  const format = at(schema, ["format"]);
  return typeof format === "string" && format.startsWith("resource-") ? format.slice("resource-".length) : null;
}

interface ResourceFieldProps {
  label: string;
  help: string | undefined;
  error: string | undefined;
  type: string;
  text: string;
  set: (text: string) => void;
}

function ResourceField({ type, text, set, ...given }: ResourceFieldProps) {
  const { workspace = "" } = useParams();
  const resources = useQuery(resourcesQuery(workspace, type));
  const none = resources.isSuccess && resources.data.length === 0;
  const help = none ? t("forms.noResource", { type }) : (given.help ?? t("forms.resource", { type }));
  return (
    <Field {...given} help={help}>
      <Select value={text} set={(next) => set(next)}>
        <option value="">—</option>
        {text && !resources.data?.some((each) => each.value === text) && <option>{text}</option>}
        {resources.data?.map((each) => (
          <option key={each.value}>{each.value}</option>
        ))}
      </Select>
    </Field>
  );
}

function typeOf(schema: Json | undefined): string {
  const type = at(schema, ["type"]);
  return typeof type === "string" ? type : Array.isArray(type) ? String(type[0]) : "string";
}

function initialFields(names: string[], properties: Tree, values: Tree): Fields {
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
      if (Array.isArray(required) && required.includes(name)) wrong[name] = t("ui.required");
      continue;
    }
    if (type === "string" || resourceOf(properties[name])) args[name] = text;
    else {
      try {
        args[name] = JSON.parse(text) as Json;
      } catch {
        wrong[name] = parseError(type);
      }
    }
  }
  return { args, wrong };
}

/** Error of a text that is no value of a JSON Schema type. */
function parseError(type: string): string {
  if (type === "integer") return t("forms.notInteger");
  return type === "number" ? t("forms.notNumber") : t("forms.notJson");
}
