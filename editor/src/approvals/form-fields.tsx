import type { FormField } from "../api/approvals";
import { t } from "../texts/approvals";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import css from "./approvals.module.css";

type FieldValues = Record<string, string>;

interface Props {
  /** Prefix of the ids of the fields. */
  id: string;
  fields: FormField[];
  typed: FieldValues;
  set: (next: FieldValues) => void;
}

/** Return the initial values of the fields. A boolean is present if it is checked. */
export function initialValues(fields: FormField[]): FieldValues {
  return Object.fromEntries(
    fields.filter((field) => field.kind !== "boolean" || field.value).map((field) => [field.name, field.value]),
  );
}

/** Fields of a form as the server describes them, like those of the approval page without scripts. */
export function FormFields({ id, fields, typed, set }: Props) {
  return fields.map((field) => (
    <FormControl
      key={field.name}
      id={`${id} ${field.name}`.replaceAll(" ", "-")}
      field={field}
      text={typed[field.name]}
      set={(text) => {
        const { [field.name]: _, ...rest } = typed;
        set(text === undefined ? rest : { ...rest, [field.name]: text });
      }}
    />
  ));
}

interface ControlProps {
  id: string;
  field: FormField;
  text: string | undefined;
  set: (text: string | undefined) => void;
}

const INPUT_TYPES: Partial<Record<FormField["kind"], string>> = {
  ...{ number: "number", integer: "number" },
  ...{ date: "date", email: "email", url: "url" },
};

function FormControl({ id, field, text, set }: ControlProps) {
  const label =
    field.required || field.kind === "boolean" ? field.label : t("approvals.optionalField", { label: field.label });
  const given = { label, help: field.help || undefined };
  const value = text ?? "";
  if (field.kind === "boolean") {
    return (
      <div>
        <label className={css.tick} htmlFor={id}>
          <input
            id={id}
            type="checkbox"
            checked={text !== undefined}
            onChange={(event) => set(event.target.checked ? "true" : undefined)}
          />
          {field.label}
        </label>
        {field.help && <span className={css.help}>{field.help}</span>}
      </div>
    );
  }
  if (field.kind === "choice") {
    return (
      <Field {...given}>
        <Select value={value} required={field.required} set={(next) => set(next)}>
          {!(field.required && field.choices.includes(value)) && <option value="">—</option>}
          {field.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </Select>
      </Field>
    );
  }
  if (field.kind === "long_text" || field.kind === "json") {
    return (
      <Field {...given} help={given.help ?? (field.kind === "json" ? "JSON" : undefined)}>
        <textarea
          className={controls.input}
          rows={4}
          required={field.required}
          value={value}
          onChange={(event) => set(event.target.value)}
        />
      </Field>
    );
  }
  const number = field.kind === "number" || field.kind === "integer";
  return (
    <Field {...given}>
      <Input
        type={INPUT_TYPES[field.kind] ?? "text"}
        step={number ? (field.kind === "integer" ? "1" : "any") : undefined}
        required={field.required}
        value={value}
        onChange={(event) => set(event.target.value)}
      />
    </Field>
  );
}
