import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "react-router";
import { resourcesQuery } from "../api/options";
import { t } from "../texts/forms";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { exampleOf } from "../workflow/example";
import { fieldNames } from "../workflow/schema-fields";
import { at, type Json, type Tree } from "../workflow/types";
import {
  type FormErrors,
  formErrors,
  initialFields,
  isSecret,
  NO_ERRORS,
  propertiesOf,
  readFields,
  resourceOf,
  type Texts,
  typeOf,
} from "./inputs";

interface Props {
  schema: Json | undefined;
  busy: boolean;
  /** Initial values of the fields. */
  initial?: Tree | null;
  /** Text of the button. */
  submitLabel?: string;
  /** Text shown if the schema has no inputs. */
  noInputsText?: string;
  /** Start the run. A refusal is shown at the fields that it names. */
  run: (args: Tree) => void | Promise<void>;
}

/** State of the fields of a schema: their texts and errors. */
export interface Inputs {
  names: string[];
  properties: Tree;
  texts: Texts;
  errors: FormErrors;
  set: (name: string, text: string) => void;
  /** Replace all texts with those of `values`. */
  fill: (values: Tree) => void;
  /** Return the values; null, and show the errors, if a text is invalid. */
  read: () => Tree | null;
  /** Show the error of a request at the fields that it names. */
  refuse: (error: unknown) => void;
}

/** Return the state of the fields of a schema. `initial`: their first values. */
export function useInputs(schema: Json | undefined, initial: Tree | null): Inputs {
  const names = fieldNames(schema);
  const properties = propertiesOf(schema);
  const [typed, setTyped] = useState<Texts>({});
  const [errors, setErrors] = useState(NO_ERRORS);
  const texts = { ...initialFields(names, properties, initial ?? {}), ...typed };
  return {
    names,
    properties,
    texts,
    errors,
    set: (name, text) => {
      setTyped((before) => ({ ...before, [name]: text }));
      setErrors(({ fields: { [name]: _, ...fields }, form }) => ({ fields, form }));
    },
    fill: (values) => {
      setTyped(initialFields(names, properties, values));
      setErrors(NO_ERRORS);
    },
    read: () => {
      const { args, wrong } = readFields(names, texts, schema);
      setErrors({ fields: wrong, form: null });
      return Object.keys(wrong).length === 0 ? args : null;
    },
    refuse: (error) => setErrors(formErrors(error, names)),
  };
}

/** The fields of a schema, to be placed in a form. */
export function InputFields({ inputs }: { inputs: Inputs }) {
  const { names, properties, texts, errors, set } = inputs;
  return (
    <>
      {names.map((name) => (
        <InputField
          key={name}
          name={name}
          schema={properties[name]}
          text={texts[name] ?? ""}
          error={errors.fields[name]}
          set={(text) => set(name, text)}
        />
      ))}
      {errors.form && (
        <p className={css.problem} role="alert">
          {errors.form}
        </p>
      )}
    </>
  );
}

/** Form of the inputs of a workflow or script, made from its schema. */
export function InputForm({
  schema,
  busy,
  initial = null,
  submitLabel = t("ui.run"),
  noInputsText = t("forms.noInputs"),
  run,
}: Props) {
  const inputs = useInputs(schema, initial);
  const example = exampleOf(schema);
  const submit = async () => {
    const args = inputs.read();
    if (!args) return;
    try {
      await run(args);
    } catch (error) {
      inputs.refuse(error);
    }
  };
  return (
    <form
      className={css.inner}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <InputFields inputs={inputs} />
      {inputs.names.length === 0 && <p className={css.help}>{noInputsText}</p>}
      <div className={css.row}>
        <Button look="main" icon="play" type="submit" disabled={busy}>
          {submitLabel}
        </Button>
        {example && <Button onClick={() => inputs.fill(example)}>{t("forms.useExample")}</Button>}
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
  if (isSecret(schema)) {
    return (
      <Field {...given}>
        <Input type="password" autoComplete="new-password" value={text} onChange={(event) => set(event.target.value)} />
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
