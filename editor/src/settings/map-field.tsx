import { useState } from "react";
import { t } from "../texts/settings";
import { Button, Field, IconButton, Input } from "../ui/controls";
import { Problem } from "./parts";
import css from "./settings.module.css";

interface Props {
  label: string;
  help: string;
  /** Labels of the fields of a new entry. */
  names: readonly [string, string];
  entries: Readonly<Record<string, string>>;
  set: (entries: Record<string, string>) => void;
  error: string | undefined;
}

/** Field of texts by name: a chip for each, and the fields of a new one. */
export function MapField({ label, help, names, entries, set, error }: Props) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const complete = name.trim() !== "" && text.trim() !== "";
  const add = () => {
    set({ ...entries, [name.trim()]: text.trim() });
    setName("");
    setText("");
  };
  return (
    <fieldset className={css.card}>
      <legend>{label}</legend>
      <p className={css.note}>{help}</p>
      <div className={css.facts}>
        {Object.entries(entries).map(([key, value]) => (
          <span key={key} className={css.chip}>
            <code>{`${key}: ${value}`}</code>
            <IconButton
              icon="cross"
              label={t("settings.mapRemove", { name: key })}
              onClick={() => set(Object.fromEntries(Object.entries(entries).filter(([other]) => other !== key)))}
            />
          </span>
        ))}
      </div>
      <div className={css.filters}>
        <Field label={names[0]}>
          <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Field label={names[1]}>
          <Input
            value={text}
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || !complete) return;
              event.preventDefault();
              add();
            }}
          />
        </Field>
        <Button icon="plus" disabled={!complete} onClick={add}>
          {t("settings.mapAdd")}
        </Button>
      </div>
      <Problem text={error} />
    </fieldset>
  );
}
