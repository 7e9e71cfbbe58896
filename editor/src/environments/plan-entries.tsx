import type { PlanEntry } from "../api/environments";
import { t } from "../texts/environments";
import css from "./environments.module.css";
import { kindName } from "./parts";

const ACTIONS = {
  add: t("environments.actionAdd"),
  change: t("environments.actionChange"),
  remove: t("environments.actionRemove"),
  conflict: t("environments.actionConflict"),
  unchanged: t("environments.actionUnchanged"),
};

/** Effect of a plan on each item, unchanged ones last. */
export function PlanEntries({ entries }: { entries: readonly PlanEntry[] }) {
  const changes = entries.filter((each) => each.action !== "unchanged");
  const unchanged = entries.filter((each) => each.action === "unchanged");
  const count = changes.length;
  return (
    <section>
      <h2>{t("environments.plan")}</h2>
      <p className={css.soft}>{count === 0 ? t("environments.nothingToDo") : t("environments.planCount", { count })}</p>
      {entries.length > 0 && (
        <ul className={css.list} aria-label={t("environments.plan")}>
          {[...changes, ...unchanged].map(({ action, kind, path, reason }) => (
            <li key={`${kind} ${path}`}>
              <span className={css.action}>{ACTIONS[action]}</span>
              <div className={css.what}>
                {kindName(kind)} {path}
                {reason && <div className={css.soft}>{reason}</div>}
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
