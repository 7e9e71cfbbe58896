import { t } from "../texts/settings";
import { Field, IconButton } from "../ui/controls";
import { Select } from "../ui/select";
import css from "./settings.module.css";

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
    <div className={css.what}>
      <Field label={label} help={help}>
        <Select value="" set={(name) => set([...chosen, name])}>
          <option value="">{t("settings.choose")}</option>
          {people
            .filter((each) => !chosen.includes(each))
            .map((each) => (
              <option key={each}>{each}</option>
            ))}
        </Select>
      </Field>
      <div className={css.facts}>
        {chosen.map((name) => (
          <span key={name} className={css.chip}>
            {name}
            <IconButton
              icon="cross"
              label={t("settings.removeFrom", { name, list: label })}
              onClick={() => set(chosen.filter((each) => each !== name))}
            />
          </span>
        ))}
      </div>
    </div>
  );
}
