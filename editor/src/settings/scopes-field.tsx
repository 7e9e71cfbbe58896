import { useState } from "react";
import { t } from "../texts/settings";
import { Button, Field, IconButton, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Problem } from "./parts";
import { ACTIONS, AREAS, actionsOf, scopeOf } from "./scopes";
import css from "./settings.module.css";

const EXAMPLE = "f/sales/*";

/** Field of the scopes of a token, which are composed from an area, an action and a path. */
export function ScopesField(props: {
  scopes: readonly string[];
  set: (scopes: readonly string[]) => void;
  error: string | undefined;
}) {
  const { scopes, set, error } = props;
  const [area, setArea] = useState("jobs");
  const [action, setAction] = useState("run");
  const [path, setPath] = useState("");
  const actions = actionsOf(area);
  const add = () => {
    set([...new Set([...scopes, scopeOf(area, action, path)])]);
    setPath("");
  };
  return (
    <fieldset className={css.card}>
      <legend>{t("settings.scopes")}</legend>
      <div className={css.filters}>
        <Field label={t("settings.area")}>
          <Select
            value={area}
            set={(next) => {
              setArea(next);
              if (!actionsOf(next).includes(action)) setAction("read");
            }}
          >
            {Object.entries(AREAS).map(([name, word]) => (
              <option key={name} value={name}>
                {word}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("settings.action")}>
          <Select value={action} set={setAction}>
            {actions.map((name) => (
              <option key={name} value={name}>
                {ACTIONS[name]}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("settings.scopePath")}>
          <Input
            placeholder={EXAMPLE}
            spellCheck={false}
            value={path}
            onChange={(event) => setPath(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              add();
            }}
          />
        </Field>
        <Button icon="plus" onClick={add}>
          {t("settings.addScope")}
        </Button>
      </div>
      <div className={css.facts}>
        {scopes.map((scope) => (
          <span key={scope} className={css.chip}>
            <code>{scope}</code>
            <IconButton
              icon="cross"
              label={t("settings.removeScope", { scope })}
              onClick={() => set(scopes.filter((each) => each !== scope))}
            />
          </span>
        ))}
      </div>
      <Problem text={error} />
    </fieldset>
  );
}
