import { useState } from "react";
import { t } from "../texts/forms";
import { RunButton } from "../ui/access-buttons";
import { Button, Field } from "../ui/controls";
import controls from "../ui/controls.module.css";
import css from "../ui/panel.module.css";
import { withCode } from "../ui/with-code";
import { exampleOf } from "../workflow/example";
import { fieldNames } from "../workflow/schema-fields";
import { at, type Json, type Tree } from "../workflow/types";
import { InputField } from "./input-field";
import { formErrors, type Inputs, NO_ERRORS, propertiesOf, type Texts } from "./inputs";
import { initialFields, otherValues, readFields, readObjectText } from "./values";

interface Props {
  schema: Json | undefined;
  busy: boolean;
  /** Initial values of the fields. */
  initial?: Tree | null;
  /** Text of the button. */
  submitLabel?: string;
  /** Text shown if the schema has no inputs. */
  noInputsText?: string;
  /** Start the run. `isUnchanged`: the user changed no field. A refusal is shown at the fields that it names. */
  run: (args: Tree, isUnchanged: boolean) => void | Promise<void>;
  /** Close the dialog of the form. */
  cancel?: () => void;
  /** Another action with the same inputs. */
  alternative?: { label: string; run: (args: Tree) => void | Promise<void> };
}

/** Return the state of the fields of a schema. `initial`: their first values. */
export function useInputs(schema: Json | undefined, initial: Tree | null): Inputs {
  const names = fieldNames(schema);
  const properties = propertiesOf(schema);
  const [typed, setTyped] = useState<Texts>({});
  const [errors, setErrors] = useState(NO_ERRORS);
  const first = initialFields(names, properties, initial ?? {});
  const texts = { ...first, ...typed };
  return {
    names,
    properties,
    texts,
    isChanged: Object.entries(typed).some(([key, text]) => text !== first[key]),
    errors,
    set: (key, text) => {
      setTyped((before) => ({ ...before, [key]: text }));
      setErrors(({ fields: { [key]: _, ...fields }, form }) => ({ fields, form }));
    },
    fill: (values) => {
      setTyped(initialFields(names, properties, values));
      setErrors(NO_ERRORS);
    },
    reset: () => {
      setTyped({});
      setErrors(NO_ERRORS);
    },
    read: () => {
      const { args, wrong } = readFields(names, texts, schema);
      setErrors({ fields: wrong, form: null });
      return Object.keys(wrong).length === 0 ? args : null;
    },
    refuse: (error) => setErrors(formErrors(error, [...names, ...Object.keys(texts)])),
  };
}

/** The fields of a schema, to be placed in a form. */
export function InputFields({ inputs }: { inputs: Inputs }) {
  const { names, properties, errors } = inputs;
  return (
    <>
      {names.map((name) => (
        <InputField key={name} id={name} name={name} definition={properties[name]} inputs={inputs} />
      ))}
      {errors.form && (
        <p className={css.problem} role="alert">
          {withCode(errors.form)}
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
  cancel,
  alternative,
}: Props) {
  const inputs = useInputs(schema, initial);
  const [firstOthers] = useState(() => otherValues(inputs.names, initial ?? {}));
  const [others, setOthers] = useState(firstOthers);
  const [wrong, setWrong] = useState<string | undefined>();
  const example = exampleOf(schema);
  const submit = async (start: Props["run"]) => {
    const args = inputs.read();
    const undeclared = readObjectText(others);
    setWrong("error" in undeclared ? undeclared.error : undefined);
    if (!args || "error" in undeclared) return;
    try {
      await start({ ...undeclared.value, ...args }, !inputs.isChanged && others === firstOthers);
    } catch (error) {
      inputs.refuse(error);
    }
  };
  const useExample = example && (
    <Button
      onClick={() => {
        inputs.fill(example);
        setOthers(otherValues(inputs.names, example));
      }}
    >
      {t("forms.useExample")}
    </Button>
  );
  return (
    <form
      className={css.inner}
      onSubmit={(event) => {
        event.preventDefault();
        void submit(run);
      }}
    >
      <InputFields inputs={inputs} />
      {inputs.names.length === 0 && <p className={css.help}>{noInputsText}</p>}
      {at(schema, ["additionalProperties"]) !== false && (
        <details className={css.section} open={others !== "" || undefined}>
          <summary>{t("forms.otherInputs")}</summary>
          <Field label={t("forms.otherInputsJson")} help={t("forms.otherInputsHint")} error={wrong}>
            <textarea
              className={controls.input}
              spellCheck={false}
              value={others}
              onChange={(event) => setOthers(event.target.value)}
            />
          </Field>
        </details>
      )}
      <div className={`${css.submit} ${cancel ? css.ofDialog : ""}`} data-foot="">
        {cancel && (
          <>
            {useExample}
            <span className={css.fill} />
            <Button onClick={cancel}>{t("ui.cancel")}</Button>
          </>
        )}
        <RunButton look="main" type="submit" disabled={busy}>
          {submitLabel}
        </RunButton>
        {alternative && (
          <RunButton icon={undefined} disabled={busy} onClick={() => void submit(alternative.run)}>
            {alternative.label}
          </RunButton>
        )}
        {!cancel && useExample}
      </div>
    </form>
  );
}
