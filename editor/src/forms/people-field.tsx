import { t } from "../texts/forms";
import { Field, IconButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";

interface Props {
  label: string;
  help?: string | undefined;
  /** Names that can be chosen. */
  people: readonly string[];
  chosen: readonly string[];
  set: (chosen: readonly string[]) => void;
}

/** Selection of several members or groups. */
export function PeopleField({ label, help, people, chosen, set }: Props) {
  return (
    <div className={css.people}>
      <Field label={label} help={help}>
        <Select value="" set={(name) => set([...chosen, name])}>
          <option value="">{t("forms.choosePerson")}</option>
          {people
            .filter((each) => !chosen.includes(each))
            .map((each) => (
              <option key={each}>{each}</option>
            ))}
        </Select>
      </Field>
      {chosen.length > 0 && (
        <ul className={css.chips} aria-label={label}>
          {chosen.map((name) => (
            <li key={name} className={css.chip}>
              <span>{name}</span>
              <IconButton
                icon="cross"
                label={t("forms.removeFrom", { name, list: label })}
                onClick={() => set(chosen.filter((each) => each !== name))}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
