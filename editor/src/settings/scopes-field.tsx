import { useState } from "react";
import { t } from "../texts/settings";
import { Button, Field, IconButton, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Problem } from "./parts";
import { ACTIONS, AREAS, actionsOf, CI_SCOPES, scopeOf } from "./scopes";
import css from "./settings.module.css";

const EXAMPLE = "f/sales/*";

const FIRST = { area: "jobs", action: "run", path: "", isChosen: false };

/** Scopes of a token that is created. */
export interface Scopes {
  added: readonly string[];
  set: (scopes: readonly string[]) => void;
  /** Scope in the fields; `isChosen`: one of them was changed since the last scope was added. */
  next: typeof FIRST;
  setNext: (next: typeof FIRST) => void;
  /** Add the scope in the fields unless it is the first suggestion and others were added. Return all scopes. */
  take: () => readonly string[];
}

export function useScopes(): Scopes {
  const [added, set] = useState<readonly string[]>([]);
  const [next, setNext] = useState(FIRST);
  const take = () => {
    const isWanted = next.path.trim() !== "" || (added.length === 0 && next.isChosen);
    const all = isWanted ? withScope(added, next) : added;
    set(all);
    if (isWanted) setNext({ ...next, path: "", isChosen: false });
    return all;
  };
  return { added, set, next, setNext, take };
}

/** Return whether `take` returns a scope. */
const hasScope = ({ added, next }: Scopes): boolean => added.length > 0 || next.isChosen || next.path.trim() !== "";

const withScope = (added: readonly string[], { area, action, path }: typeof FIRST): readonly string[] => [
  ...new Set([...added, scopeOf(area, action, path)]),
];

/** Field of the scopes of a token, which are composed from an area, an action and a path. */
export function ScopesField({ scopes, error }: { scopes: Scopes; error: string | undefined }) {
  const { added, set, next, setNext } = scopes;
  const { area, action, path } = next;
  const choose = (change: Partial<typeof FIRST>) => setNext({ ...next, ...change, isChosen: true });
  const actions = actionsOf(area);
  const add = () => {
    set(withScope(added, next));
    setNext({ ...next, path: "", isChosen: false });
  };
  return (
    <fieldset className={css.card}>
      <legend>{t("settings.scopes")}</legend>
      <div className={css.preset}>
        <Button icon="plus" onClick={() => set([...new Set([...added, ...CI_SCOPES])])}>
          {t("settings.scopesForCi")}
        </Button>
      </div>
      <div className={css.filters}>
        <Field label={t("settings.area")}>
          <Select
            value={area}
            set={(area) => choose({ area, action: actionsOf(area).includes(action) ? action : "read" })}
          >
            {Object.entries(AREAS).map(([name, word]) => (
              <option key={name} value={name}>
                {word}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("settings.action")}>
          <Select value={action} set={(action) => choose({ action })}>
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
            onChange={(event) => choose({ path: event.target.value })}
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
        {added.map((scope) => (
          <span key={scope} className={css.chip}>
            <code>{scope}</code>
            <IconButton
              icon="cross"
              label={t("settings.removeScope", { scope })}
              onClick={() => set(added.filter((each) => each !== scope))}
            />
          </span>
        ))}
      </div>
      <Problem text={hasScope(scopes) && error === t("settings.noScopes") ? undefined : error} />
    </fieldset>
  );
}
