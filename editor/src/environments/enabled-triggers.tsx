import { useQuery } from "@tanstack/react-query";
import { type EnabledTrigger, environmentsQuery, type ReleasedItem } from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { t } from "../texts/environments";
import { dialogCss } from "../ui/dialog";
import css from "./environments.module.css";

const isTrigger = (item: ReleasedItem): item is ReleasedItem & Pick<EnabledTrigger, "kind"> =>
  item.kind === "schedule" || item.kind === "http_trigger";

interface Props {
  workspace: string;
  items: readonly ReleasedItem[];
  enabled: readonly EnabledTrigger[];
  set: (enabled: readonly EnabledTrigger[]) => void;
}

/** Environments in which the chosen schedules and HTTP triggers are enabled if they are new there. */
export function EnabledTriggers({ workspace, items, enabled, set }: Props) {
  const environments = (useQuery(environmentsQuery).data ?? []).filter((each) => each.workspace !== workspace);
  const triggers = items.filter(isTrigger);
  if (triggers.length === 0 || environments.length === 0) return null;
  const chosenOf = ({ kind, path }: ReleasedItem) =>
    enabled.find((each) => each.kind === kind && each.path === path)?.environments ?? [];
  const toggle = (item: (typeof triggers)[number], name: string) => {
    const before = chosenOf(item);
    const after = before.includes(name) ? before.filter((each) => each !== name) : [...before, name];
    const others = enabled.filter((each) => !(each.kind === item.kind && each.path === item.path));
    set(after.length > 0 ? [...others, { kind: item.kind, path: item.path, environments: after }] : others);
  };
  return (
    <fieldset className={css.group}>
      <legend>{t("environments.enable")}</legend>
      <p className={dialogCss.description}>{t("environments.enableHint")}</p>
      {triggers.map((item) => (
        <div key={`${item.kind} ${item.path}`} className={css.enabled}>
          <span className={css.what}>
            {kindName(item.kind)} {item.path}
          </span>
          {environments.map(({ name }) => (
            <label key={name}>
              <input
                type="checkbox"
                aria-label={t("environments.enableIn", { name: item.path, environment: name })}
                checked={chosenOf(item).includes(name)}
                onChange={() => toggle(item, name)}
              />{" "}
              {name}
            </label>
          ))}
        </div>
      ))}
    </fieldset>
  );
}
