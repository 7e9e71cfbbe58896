import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { allSchedulesQuery, type ListedSchedule, runNow } from "../api/schedules";
import { enableSchedule } from "../api/triggers";
import { formatInZone } from "../triggers/times";
import { Button, LinkButton } from "../ui/controls";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import { TriggerAcceptance } from "../versions/acceptance";
import css from "./schedules.module.css";

const MISSED: Record<string, string> = {
  once: "of missed times the last is run",
  all: "missed times are all run",
  skip: "missed times are not run",
};

/** A schedule: when, what, how its last time ended, its next five times; and what can be done with it. */
export function ScheduleRow({ workspace, schedule }: { workspace: string; schedule: ListedSchedule }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const { path, enabled, script_path: what, timezone, upcoming } = schedule;
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
    notify(enabled ? `${path} is paused.` : `${path} is on.`);
  };
  const run = async () => navigate(`/w/${workspace}/runs/${await runNow(workspace, schedule)}`);
  const home = `/w/${workspace}/${schedule.is_flow ? "workflows" : "scripts"}/${what}`;
  return (
    <li className={css.row}>
      <div className={css.heading}>
        <span className={css.name}>{schedule.summary || path}</span>
        <Status status={enabled ? "succeeded" : "waiting"} word={enabled ? "on" : "paused"} />
        <LastTick workspace={workspace} schedule={schedule} />
      </div>
      <div className={css.facts}>
        <Link to={home}>{what}</Link>
        <code>{schedule.schedule}</code>
        <span>{timezone}</span>
        <span>{MISSED[schedule.missed] ?? schedule.missed}</span>
        {schedule.no_flow_overlap && <span>one at a time</span>}
      </div>
      {upcoming.length > 0 && (
        <ol className={css.ticks} aria-label={`Next runs of ${path}`}>
          {upcoming.map((tick) => (
            <li key={tick}>
              <time dateTime={tick}>{formatInZone(tick, timezone)}</time>
            </li>
          ))}
        </ol>
      )}
      {schedule.error && <p className={css.error}>{schedule.error}</p>}
      <TriggerAcceptance workspace={workspace} kind="schedule" path={path} className={css.note} />
      <div className={css.tools}>
        <Button icon="play" disabled={busy} onClick={() => void act(run)}>
          Run now
        </Button>
        <Button icon={enabled ? "pause" : "play"} disabled={busy} onClick={() => void act(toggle)}>
          {enabled ? "Pause" : "Switch on"}
        </Button>
        {schedule.is_flow && (
          <LinkButton icon="edit" to={`${home}?view=triggers`}>
            Edit
          </LinkButton>
        )}
        <LinkButton look="quiet" icon="list" to={`/w/${workspace}/runs?path=${what}&trigger=schedule&last=30d`}>
          Its runs
        </LinkButton>
      </div>
    </li>
  );
}

/** What became of the last time. */
function LastTick({ workspace, schedule }: { workspace: string; schedule: ListedSchedule }) {
  const last = schedule.ticks[0];
  if (!last) return <span className={css.soft}>has not run yet</span>;
  const state = last.state === "ended" ? (last.outcome ?? "succeeded") : last.state;
  const said = (
    <>
      <Status status={state} /> <Time at={last.tick_at} />
    </>
  );
  return (
    <span className={css.soft} title={last.detail ?? ""}>
      last: {last.job ? <Link to={`/w/${workspace}/runs/${last.job}`}>{said}</Link> : said}
    </span>
  );
}
