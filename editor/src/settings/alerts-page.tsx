import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Alert, alertsQuery, errorHandlerQuery, saveErrorHandler } from "../api/alerts";
import { ownMemberQuery } from "../api/members";
import { meQuery } from "../api/session";
import { alertSubject } from "../kinds/alert-subject";
import { storedReasonText } from "../kinds/reason-text";
import { settingConflict } from "../lib/api-error";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Empty } from "../ui/states";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { AlertChannels } from "./alert-channels";
import { LinkedText } from "./linked-text";
import { Loaded, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Error handler of the workspace; for superadmins also the alerts of the instance and their channels. */
export function AlertsPage() {
  const { workspace = "" } = useParams();
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.alerts")}</h1>
      </div>
      <p className={css.about}>{t("settings.alertsHint")}</p>
      <h2>{t("settings.errorHandler")}</h2>
      <ErrorHandler key={workspace} workspace={workspace} />
      {superAdmin && (
        <>
          <h2>{t("settings.alertsRaised")}</h2>
          <RaisedAlerts />
          <AlertChannels />
        </>
      )}
    </main>
  );
}

function ErrorHandler({ workspace }: { workspace: string }) {
  const queries = useQueryClient();
  const query = useQuery(errorHandlerQuery(workspace));
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const submission = useSubmission();
  // The typed handler, and the stored one that it is based on.
  const [typed, setTyped] = useState<{ text: string; base: string } | null>(null);
  const stored = query.data?.error_handler?.path ?? "";
  const text = typed?.text ?? stored;
  const base = typed?.base ?? stored;
  const save = async (handler: string) => {
    const change = async () => {
      try {
        await saveErrorHandler(workspace, handler || null, base || null);
      } catch (error) {
        // The conflict shows the stored handler: the next attempt replaces that one.
        const conflict = settingConflict(error);
        if (conflict) setTyped({ text, base: String(conflict.theirs ?? "") });
        throw error;
      }
    };
    if (!(await submission.send(change))) return;
    notify(t("settings.saved", { name: t("settings.errorHandler") }));
    setTyped(null);
    await queries.invalidateQueries({ queryKey: ["error-handler", workspace] });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save(text.trim());
  };
  const runsAs = query.data?.error_handler_runs_as;
  // An admin can store a handler that could not start unchanged, to become the member as whom it runs.
  const problem = query.data?.error_handler_error ?? undefined;
  return (
    <form className={css.form} onSubmit={submit}>
      <Loaded query={query} />
      <Field
        label={t("settings.errorHandlerField")}
        help={t("settings.errorHandlerHint")}
        error={submission.errors[""]}
      >
        <Input value={text} readOnly={!admin} onChange={(event) => setTyped({ text: event.target.value, base })} />
      </Field>
      {runsAs && <p className={css.about}>{t("settings.errorHandlerRunsAs", { member: runsAs })}</p>}
      <Problem text={problem} />
      <div className={css.tools} hidden={!admin}>
        <Button type="submit" look="main" disabled={submission.busy || (text.trim() === base && !problem)}>
          {t("ui.save")}
        </Button>
        {stored && (
          <Button disabled={submission.busy} onClick={() => void save("")}>
            {t("settings.errorHandlerRemove")}
          </Button>
        )}
      </div>
    </form>
  );
}

function RaisedAlerts() {
  const query = useQuery(alertsQuery);
  return (
    <>
      <Loaded query={query} />
      {query.data?.length === 0 && (
        <Empty title={t("settings.noAlerts")}>
          <p>{t("settings.noAlertsHint")}</p>
        </Empty>
      )}
      <Rows
        label={t("settings.alertsRaised")}
        items={query.data ?? []}
        keyOf={(each) => `${each.kind} ${each.workspace ?? ""} ${each.subject}`}
        row={(each) => <AlertRow alert={each} />}
      />
    </>
  );
}

const KINDS: Readonly<Record<string, string>> = {
  queue_age: t("settings.alertQueueAge"),
  no_worker: t("settings.alertNoWorker"),
  database_size: t("settings.alertDatabase"),
  disk: t("settings.alertDisk"),
  failing_workflow: t("settings.alertFailing"),
  group_workers: t("settings.alertGroupWorkers"),
  lost_workers: t("settings.alertLostWorkers"),
  missed_schedule: t("settings.alertMissedSchedule"),
  expiring_token: t("settings.alertExpiringToken"),
};

function AlertRow({ alert }: { alert: Alert }) {
  return (
    <div className={css.what}>
      <span className={css.heading}>
        <span className={css.name}>{[alert.workspace, alertSubject(alert.subject)].filter(Boolean).join(": ")}</span>
        <span className={css.chip}>{KINDS[alert.kind] ?? alert.kind}</span>
      </span>
      <span className={css.facts}>
        <Time at={alert.since} />
        <span>
          <LinkedText text={storedReasonText(alert.detail, alert.detail_code)} />
        </span>
      </span>
    </div>
  );
}
