import type { DetailedRequest, Environment } from "../api/environments";
import { t } from "../texts/environments";
import { Confirm } from "../ui/confirm";
import css from "./environments.module.css";
import { bypassText, EnvironmentName, RollbackNote } from "./parts";

interface Props {
  environment: Environment;
  request: DetailedRequest;
  /** Reason for which unfulfilled rules are bypassed; empty: none is. */
  bypassReason: string;
  apply: () => void;
  close: () => void;
}

/** Dialog that names the environment and counts what a request creates, changes and deletes there, before it is applied. */
export function ApplyDialog({ environment, request, bypassReason, apply, close }: Props) {
  const { id, kind, number, source, plan, replaces, reason } = request;
  const overwritten = plan.entries.filter((each) => each.overwrites).length;
  const count = (action: string) => plan.entries.filter((each) => each.action === action).length;
  const { name, rules } = environment;
  return (
    <Confirm
      title={t("environments.applyTitle", { id, environment: name })}
      confirmLabel={t("environments.applyTo", { environment: name })}
      onConfirm={apply}
      close={close}
    >
      <p>
        <EnvironmentName environment={environment} />
      </p>
      {kind === "rollback" && <RollbackNote replaces={replaces} reason={reason} />}
      <p>{t("environments.applyHint", { number, source, workspace: environment.workspace })}</p>
      <ul aria-label={t("environments.plan")}>
        <li>{t("environments.applyAdds", { count: count("add") })}</li>
        <li>{t("environments.applyChanges", { count: count("change") + count("conflict") })}</li>
        <li>{t("environments.applyRemoves", { count: count("remove") })}</li>
        {overwritten > 0 && <li>{t("environments.applyOverwrites", { count: overwritten })}</li>}
      </ul>
      {kind === "promotion" && (rules.checks?.workflow_tests || rules.checks?.smoke_run) && (
        <p>
          {t("environments.applyChecks")} {rules.on_failed_check === "rollback" && t("environments.applyRollback")}
          {rules.on_failed_check === "hold" && t("environments.failedHold")}
        </p>
      )}
      {bypassReason && (
        <p className={css.warning}>
          {bypassText(
            plan.unfulfilled.map(({ code }) => code),
            bypassReason,
          )}
        </p>
      )}
    </Confirm>
  );
}
