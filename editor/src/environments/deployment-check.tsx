import type { DeploymentCheck } from "../api/environments";
import { storedReasonText } from "../kinds/reason-text";
import { Link } from "../routing/link";
import { t } from "../texts/environments";
import { withCode } from "../ui/with-code";
import css from "./environments.module.css";
import { outcomeName } from "./outcome-name";

const STATES = {
  waiting: t("environments.checkWaiting"),
  running: t("environments.checkRunning"),
  passed: t("environments.checkPassed"),
  failed: t("environments.checkFailed"),
};

const outcomeText = (result: DeploymentCheck["results"][number] | undefined) =>
  storedReasonText(result?.message ?? "", result?.message_code);

/** State of the checks after a deployment, as a short text. */
export function CheckState({ check: { state, results } }: { check: DeploymentCheck }) {
  const reason = outcomeText(results.find((each) => !each.passed));
  const texts = {
    ...STATES,
    passed: t("environments.checksPassed"),
    failed: t("environments.checksFailed", { reason }),
  };
  return <span className={css.soft}>{texts[state]}</span>;
}

interface Props {
  workspace: string;
  /** Name of the environment. */
  environment: string;
  check: DeploymentCheck;
}

/** Checks after a deployment: the outcome of each, the smoke run, and the rollback that followed. */
export function CheckResults({ workspace, environment, check }: Props) {
  const { state, results, run, permissioned_as: user, rollback, rollback_request: request } = check;
  const title = t("environments.checks");
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <p className={state === "failed" ? css.warning : undefined} role="status">
        {STATES[state]}
      </p>
      {results.length > 0 && (
        <ul className={css.list} aria-label={t("environments.checkResults")}>
          {results.map((result) => (
            <li key={`${result.kind} ${result.path}`}>
              <span className={css.action}>{result.passed ? STATES.passed : STATES.failed}</span>
              <div className={css.what}>
                {outcomeName(result)}
                {result.message && <div className={css.soft}>{withCode(outcomeText(result))}</div>}
              </div>
              {result.kind === "smoke_run" && run && (
                <Link to={`/w/${workspace}/runs/${run}`}>{t("environments.smokeRunLink")}</Link>
              )}
            </li>
          ))}
        </ul>
      )}
      {state === "running" && run && (
        <p>
          <Link to={`/w/${workspace}/runs/${run}`}>{t("environments.smokeRunLink")}</Link>
        </p>
      )}
      {rollback && (
        <p className={css.soft}>
          {rollback === "refused"
            ? t("environments.checkRollbackRefused", {
                reason: storedReasonText(check.rollback_detail ?? "", check.rollback_detail_code),
              })
            : t(rollback === "due" ? "environments.checkRollbackDue" : "environments.checkRollbackDone", { user })}{" "}
          {request !== null && (
            <Link to={`/w/${workspace}/environments/${environment}/requests/${request}`}>
              {t("environments.request", { id: request })}
            </Link>
          )}
        </p>
      )}
    </section>
  );
}
