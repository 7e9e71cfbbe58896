import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { allSchedulesQuery, type ListedSchedule, runNow } from "../api/schedules";
import { enableSchedule } from "../api/triggers";
import { storedReasonText } from "../kinds/reason-text";
import { useNavigate } from "../routing/hooks";
import { Link } from "../routing/link";
import { useSharing } from "../sharing/use-sharing";
import { t, tWith } from "../texts/schedules";
import { RunsAs } from "../triggers/runs-as";
import { ScheduleText } from "../triggers/schedule-text";
import { useStopped } from "../triggers/stopped";
import { formatInZone } from "../triggers/times";
import { useReadOnly } from "../ui/access";
import { EditButton, RunButton } from "../ui/access-buttons";
import { Button, LinkButton } from "../ui/controls";
import { Popover } from "../ui/popover";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import { TriggerAcceptance } from "../versions/acceptance";
import css from "./schedules.module.css";

const MISSED: Record<string, string> = {
  once: t("schedules.missedOnce"),
  all: t("schedules.missedAll"),
  skip: t("schedules.missedSkip"),
};

/** Row of a schedule with its last and next runs, and buttons to run, pause and edit it. */
export function ScheduleRow({ workspace, schedule }: { workspace: string; schedule: ListedSchedule }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const { path, enabled, script_path: what, timezone, upcoming } = schedule;
  const readOnly = useReadOnly();
  const sharing = useSharing({ workspace, kind: "schedule", path });
  const act = async (work: () => Promise<void>) => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      notifyError(error);
    } finally {
      setBusy(false);
    }
  };
  const toggle = async () => {
    await enableSchedule(workspace, path, !enabled);
    await queries.invalidateQueries(allSchedulesQuery(workspace));
    notify(enabled ? t("schedules.pausedPath", { path }) : t("schedules.resumedPath", { path }));
  };
  const run = async () => navigate(`/w/${workspace}/runs/${await runNow(workspace, schedule)}`);
  const stopped = useStopped(workspace, schedule.error, schedule.permissioned_as, schedule.error_code);
  const home = `/w/${workspace}/${schedule.is_flow ? "workflows" : "scripts"}/${what}`;
  return (
    <li className={css.row}>
      <div className={css.heading}>
        <span className={css.name}>{schedule.summary || path}</span>
        {schedule.summary && <code className={css.soft}>{path}</code>}
        <Status
          status={enabled ? "succeeded" : "paused"}
          word={enabled ? t("schedules.active") : t("schedules.paused")}
        />
        <LastTick workspace={workspace} schedule={schedule} />
      </div>
      <div className={css.facts}>
        <Link to={home}>{schedule.script_summary || what}</Link>
        {schedule.script_summary && <code>{what}</code>}
        <ScheduleText cron={schedule.schedule} />
        <span>{timezone}</span>
        <span>{MISSED[schedule.missed] ?? schedule.missed}</span>
        <RunsAs identity={schedule.permissioned_as} />
        {schedule.no_flow_overlap && <span>{t("schedules.noOverlap")}</span>}
      </div>
      {upcoming.length > 0 && (
        <ol className={css.ticks} aria-label={t("schedules.nextRuns", { path })}>
          {upcoming.map((tick) => (
            <li key={tick}>
              <time dateTime={tick}>{formatInZone(tick, timezone)}</time>
            </li>
          ))}
        </ol>
      )}
      {stopped.text && <p className={css.error}>{stopped.text}</p>}
      <TriggerAcceptance workspace={workspace} kind="schedule" path={path} className={css.note} />
      <div className={css.tools}>
        <RunButton disabled={busy} onClick={() => void act(run)}>
          {t("schedules.runNow")}
        </RunButton>
        {!stopped.isOwnerless && (
          <EditButton icon={enabled ? "pause" : "play"} disabled={busy} onClick={() => void act(toggle)}>
            {enabled ? t("schedules.pause") : t("schedules.resume")}
          </EditButton>
        )}
        {schedule.is_flow && !readOnly && (
          <LinkButton icon="edit" to={`${home}?view=triggers`}>
            {t("ui.edit")}
          </LinkButton>
        )}
        <LinkButton look="quiet" icon="list" to={`/w/${workspace}/runs?path=${what}&trigger=schedule&last=30d`}>
          {t("schedules.runs")}
        </LinkButton>
        <Popover label={t("ui.actionsOf", { name: path })} icon="dots">
          <Button look="quiet" icon="share" onClick={sharing.share}>
            {t("ui.share")}
          </Button>
        </Popover>
        {sharing.dialog}
      </div>
    </li>
  );
}

/** Outcome of the last run. */
function LastTick({ workspace, schedule }: { workspace: string; schedule: ListedSchedule }) {
  const last = schedule.ticks[0];
  if (!last) return <span className={css.soft}>{t("schedules.noRuns")}</span>;
  const state = last.state === "ended" ? (last.outcome ?? "succeeded") : last.state;
  const outcome = (
    <>
      <Status status={state} /> <Time at={last.tick_at} />
    </>
  );
  return (
    <span className={css.soft} title={storedReasonText(last.detail ?? "", last.detail_code)}>
      {tWith("schedules.lastRun", {
        run: last.job ? <Link to={`/w/${workspace}/runs/${last.job}`}>{outcome}</Link> : outcome,
      })}
    </span>
  );
}
