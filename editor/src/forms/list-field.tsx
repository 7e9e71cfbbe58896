import { t } from "../texts/forms";
import { Button, IconButton, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { withCode } from "../ui/with-code";
import type { Json } from "../workflow/types";
import css from "./forms.module.css";
import { choicesOf, typeOf } from "./inputs";
import { itemsOf } from "./values";

interface Props {
  label: string;
  help: string | undefined;
  error: string | undefined;
  /** Definition of the items. */
  items: Json | undefined;
  text: string;
  set: (text: string) => void;
}

/** List of single values: a field for each, or a checkbox for each value that an item may have. */
export function ListField({ label, help, error, items, text, set }: Props) {
  const choices = choicesOf(items);
  const values = itemsOf(text);
  const change = (next: string[]) => set(JSON.stringify(next));
  const number = typeOf(items) === "integer" || typeOf(items) === "number";
  return (
    <fieldset className={css.group}>
      <legend>{label}</legend>
      {help && <p className={css.help}>{help}</p>}
      {choices?.map((choice) => (
        <label key={choice.text} className={css.check}>
          <input
            type="checkbox"
            checked={values.includes(choice.text)}
            onChange={({ target: { checked } }) =>
              change(checked ? [...values, choice.text] : values.filter((each) => each !== choice.text))
            }
          />
          {choice.title}
        </label>
      ))}
      {!choices &&
        values.map((value, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: items have no identity
          <div key={index} className={css.item}>
            <Input
              aria-label={t("forms.itemOf", { field: label, number: index + 1 })}
              inputMode={number ? "decimal" : "text"}
              value={value}
              onChange={(event) => change(values.with(index, event.target.value))}
            />
            <IconButton
              label={t("forms.removeItem", { field: label, number: index + 1 })}
              icon="cross"
              onClick={() => change(values.toSpliced(index, 1))}
            />
          </div>
        ))}
      {!choices && (
        <Button look="quiet" icon="plus" onClick={() => change([...values, ""])}>
          {t("forms.addItem", { field: label })}
        </Button>
      )}
      {error && (
        <span className={controls.error} role="alert">
          {withCode(error)}
        </span>
      )}
    </fieldset>
  );
}
