import type { DriftItem, Environment, ReplacedRelease } from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { errorText } from "../lib/api-error";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/environments";
import controls from "../ui/controls.module.css";
import { Failed } from "../ui/states";
import { Time } from "../ui/time";
import { withCode } from "../ui/with-code";
import css from "./environments.module.css";

/** Names of what a plan does to an item. */
export const ACTIONS = {
  add: t("environments.actionAdd"),
  change: t("environments.actionChange"),
  remove: t("environments.actionRemove"),
  conflict: t("environments.actionConflict"),
  unchanged: t("environments.actionUnchanged"),
};

/** Error of the request for a page below the environments, with a link to all environments. */
export function PageError({ workspace, error, retry }: { workspace: string; error: unknown; retry: () => void }) {
  return (
    <main>
      <Failed error={error} retry={retry}>
        <Link to={`/w/${workspace}/environments`}>{t("environments.all")}</Link>
      </Failed>
    </main>
  );
}

/** Name of an environment with its colour, as a link to its page. */
export function EnvironmentBadge({ environment }: { environment: Environment }) {
  return (
    <Link
      className={css.badge}
      style={{ borderLeftColor: environment.color }}
      to={`/w/${environment.workspace}/environments/${environment.name}`}
    >
      {environment.name}
    </Link>
  );
}

/** Name of an environment with its colour. */
export function EnvironmentName({ environment: { name, color } }: { environment: Environment }) {
  return (
    <strong className={css.badge} style={{ borderColor: color }}>
      {name}
    </strong>
  );
}

/** Link to a release. */
export function ReleaseLink({ source, number }: { source: string; number: number }) {
  return (
    <Link to={`/w/${source}/environments/releases/${number}`}>{t("environments.release", { number, source })}</Link>
  );
}

/** Time and author of an action. */
export function ByLine({ at, user }: { at: string; user: string }) {
  return <span className={css.soft}>{tWith("environments.deployedBy", { time: <Time at={at} /> }, { user })}</span>;
}

/** List of items by kind and path. */
export function ItemList({ label, items }: { label: string; items: readonly { kind: string; path: string }[] }) {
  return (
    <ul className={css.list} aria-label={label}>
      {items.map(({ kind, path }) => (
        <li key={`${kind} ${path}`}>
          <span className={css.action}>{kindName(kind)}</span>
          <span className={css.what}>{path}</span>
        </li>
      ))}
    </ul>
  );
}

/** List of items that were changed outside of releases, with who changed each one last. */
export function DriftList({ items }: { items: readonly DriftItem[] }) {
  return (
    <ul className={css.list} aria-label={t("environments.drift")}>
      {items.map(({ kind, path, changed_at: at, changed_by: user }) => (
        <li key={`${kind} ${path}`}>
          <span className={css.action}>{kindName(kind)}</span>
          <span className={css.what}>{path}</span>
          {at && user && <ByLine at={at} user={user} />}
        </li>
      ))}
    </ul>
  );
}

interface RollbackProps {
  replaces: ReplacedRelease | null;
  /** Reason; null: it is not known. */
  reason: string | null;
}

/** Release that a rollback replaces, and its reason. */
export function RollbackNote({ replaces, reason }: RollbackProps) {
  return (
    <div className={css.soft}>
      {replaces && <div>{tWith("environments.replaces", { release: <ReleaseLink {...replaces} /> })}</div>}
      {reason && <div>{t("environments.rollbackReason", { reason })}</div>}
    </div>
  );
}

const RULES: Readonly<Record<string, string>> = {
  approvals_missing: t("environments.codeApprovals"),
  on_hold: t("environments.codeHold"),
  frozen_hours: t("environments.codeFrozen"),
  soak_time: t("environments.codeSoak"),
  test_failed: t("environments.codeTests"),
  tests_missing: t("environments.codeTests"),
  tests_not_run: t("environments.codeTests"),
};

/** Return the rules with these codes that were bypassed, and the reason. */
export function bypassText(codes: readonly string[], reason: string): string {
  const rules = [...new Set(codes.map((code) => RULES[code] ?? code))].join(", ");
  return rules ? t("environments.bypassed", { rules, reason }) : t("environments.bypassReason", { reason });
}

/** Message of a refused act. */
export function Refusal({ error }: { error: unknown }) {
  return (
    <p className={controls.error} role="alert">
      {withCode(errorText(error))}
    </p>
  );
}
