import { useQuery } from "@tanstack/react-query";
import { resourcesQuery } from "../api/options";
import { useParams } from "../routing/hooks";
import { t } from "../texts/forms";
import { Field, Input, SecretText } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import { withCode } from "../ui/with-code";
import { at, type Json } from "../workflow/types";
import { FileField } from "./file-field";
import css from "./forms.module.css";
import {
  type Choice,
  childKey,
  choicesOf,
  controlOf,
  type Inputs,
  propertiesOf,
  resolve,
  resourceOf,
  shownNames,
  typeOf,
  variantsOf,
  variantTitle,
} from "./inputs";
import { ListField } from "./list-field";
import { fieldText } from "./values";

interface Props {
  /** Key of its text. */
  id: string;
  name: string;
  definition: Json | undefined;
  inputs: Inputs;
}

/** Field of an input, with the control of its definition. */
export function InputField({ id, name, definition, inputs }: Props) {
  const schema = resolve(definition);
  const control = controlOf(schema);
  const text = fieldText(inputs.texts, id, definition);
  const set = (next: string) => inputs.set(id, next);
  const help = at(schema, ["description"]);
  const title = at(schema, ["title"]);
  const given = {
    label: typeof title === "string" && title ? title : name,
    help: typeof help === "string" ? help : undefined,
    error: inputs.errors.fields[id],
  };
  if (control === "group" || control === "variants")
    return <GroupField {...given} id={id} schema={schema} text={text} inputs={inputs} />;
  if (control === "list") return <ListField {...given} items={at(schema, ["items"])} text={text} set={set} />;
  if (control === "file") return <FileField {...given} text={text} set={set} />;
  if (control === "resource") return <ResourceField {...given} type={resourceOf(schema) ?? ""} text={text} set={set} />;
  if (control === "json") {
    return (
      <Field {...given} help={given.help ?? (typeOf(schema) === "array" ? t("forms.array") : t("forms.object"))}>
        <TextArea code text={text} set={set} />
      </Field>
    );
  }
  if (control === "any") {
    return (
      <Field {...given} help={given.help ?? t("forms.any")}>
        <TextArea code text={text} set={set} />
      </Field>
    );
  }
  return (
    <Field {...given} help={given.help ?? (control === "number" ? numberHelp(schema) : undefined)}>
      <TextControl control={control} choices={choicesOf(schema)} text={text} set={set} />
    </Field>
  );
}

const numberHelp = (schema: Json | undefined) => t(typeOf(schema) === "integer" ? "forms.integer" : "forms.number");

interface ControlProps {
  text: string;
  set: (text: string) => void;
}

const INPUT_TYPES: Partial<Record<ReturnType<typeof controlOf>, object>> = {
  secret: { type: "password", autoComplete: "new-password" },
  // A number input rounds long numbers, drops what is no number without a message, and knows no decimal comma.
  number: { inputMode: "decimal" },
  date: { type: "date" },
  time: { type: "time", step: 1 },
  // The form shows its own errors, so the types with checks of the browser are not used.
  email: { inputMode: "email" },
  uri: { inputMode: "url" },
};

/** Control of one text. */
function TextControl(props: ControlProps & { control: ReturnType<typeof controlOf>; choices: Choice[] | null }) {
  const { control, choices, text, set } = props;
  if (choices) {
    return (
      <Select value={text} set={set}>
        <option value="">—</option>
        {choices.map((choice) => (
          <option key={choice.text} value={choice.text}>
            {choice.title}
          </option>
        ))}
      </Select>
    );
  }
  if (control === "long") return <TextArea text={text} set={set} />;
  if (control === "long-secret") return <SecretText text={text} set={set} />;
  if (control === "date-time") return <TimeControl text={text} set={set} />;
  return <Input type="text" {...INPUT_TYPES[control]} value={text} onChange={(event) => set(event.target.value)} />;
}

function TextArea({ text, set, code = false }: ControlProps & { code?: boolean }) {
  return (
    <textarea
      className={controls.input}
      rows={code ? undefined : 4}
      spellCheck={!code}
      value={text}
      onChange={(event) => set(event.target.value)}
    />
  );
}

/** Date and time in the time zone of the browser. The value has UTC. */
function TimeControl({ text, set }: ControlProps) {
  const at = Date.parse(text);
  // A text that is not a time is shown unchanged.
  if (text !== "" && Number.isNaN(at))
    return <Input type="text" value={text} onChange={(event) => set(event.target.value)} />;
  const local = text === "" ? "" : new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  return (
    <Input
      type="datetime-local"
      step={1}
      value={local}
      onChange={({ target: { value } }) => set(value ? new Date(value).toISOString() : "")}
    />
  );
}

interface FieldProps extends ControlProps {
  label: string;
  help: string | undefined;
  error: string | undefined;
}

function ResourceField({ type, text, set, ...given }: FieldProps & { type: string }) {
  const { workspace = "" } = useParams();
  const resources = useQuery(resourcesQuery(workspace, type));
  const none = resources.isSuccess && resources.data.length === 0;
  const help = none ? t("forms.noResource", { type }) : (given.help ?? t("forms.resource", { type }));
  return (
    <Field {...given} help={help}>
      <Select value={text} set={set}>
        <option value="">—</option>
        {text && !resources.data?.some((each) => each.value === text) && <option>{text}</option>}
        {resources.data?.map((each) => (
          <option key={each.value}>{each.value}</option>
        ))}
      </Select>
    </Field>
  );
}

interface GroupProps extends Omit<FieldProps, "set"> {
  id: string;
  schema: Json | undefined;
  inputs: Inputs;
}

/** Fields of an object; of one of several kinds, after the choice of the kind. */
function GroupField({ id, schema, text, inputs, label, help, error }: GroupProps) {
  const variants = variantsOf(schema);
  const fields = variants.length > 0 ? variants[Number.parseInt(text, 10)] : schema;
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {help && <p className={css.help}>{help}</p>}
      {variants.length > 0 && (
        <Select aria-label={t("forms.kindOf", { field: label })} value={text} set={(next) => inputs.set(id, next)}>
          <option value="">—</option>
          {variants.map((variant, index) => (
            <option key={variantTitle(variant, index)} value={index}>
              {variantTitle(variant, index)}
            </option>
          ))}
        </Select>
      )}
      {error && (
        <span className={controls.error} role="alert">
          {withCode(error)}
        </span>
      )}
      {shownNames(fields).map((name) => (
        <InputField
          key={name}
          id={childKey(id, name)}
          name={name}
          definition={propertiesOf(fields)[name]}
          inputs={inputs}
        />
      ))}
    </fieldset>
  );
}
