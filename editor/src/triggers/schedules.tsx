import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { attempt } from "../actions/registry";
import { startFlow } from "../api/runs";
import { deleteSchedule, enableSchedule, type Schedule, schedulesQuery } from "../api/triggers";
import { useEditor, useEditorStore } from "../editor/context";
import { watchTest } from "../editor/run-watch";
import { useSearchParams } from "../routing/hooks";
import { t } from "../texts/triggers";
import { EditButton, EditIconButton, RunButton } from "../ui/access-buttons";
import { Confirm } from "../ui/confirm";
import { Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { TriggerAcceptance } from "../versions/acceptance";
import type { Json } from "../workflow/types";
import { RunsAs } from "./runs-as";
import { ScheduleForm } from "./schedule-form";
import { ScheduleText } from "./schedule-text";
import { useStopped } from "./stopped";
import { Ticks } from "./ticks";
import { scheduleText } from "./times";
import css from "./triggers.module.css";

/** Schedules of the workflow with their next five runs, each in its own zone. */
export function Schedules({ wanted: query }: { wanted: string }) {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  const schedules = useQuery(schedulesQuery(workspace, path));
  const [editing, setEditing] = useState<Schedule | "new" | null>(null);
  const [saved, setSaved] = useState<string | null>(null);
  const shown = (schedules.data ?? []).filter((each) => textOf(each).includes(query.toLowerCase()));
  return (
    <section className={css.section} aria-labelledby="schedules">
      <div className={css.row}>
        <h2 id="schedules">{t("triggers.schedules")}</h2>
        <EditButton icon="plus" onClick={() => setEditing("new")}>
          {t("triggers.newSchedule")}
        </EditButton>
      </div>
      {schedules.isPending && <Skeleton rows={2} />}
      {schedules.error && <Failed error={schedules.error} retry={() => void schedules.refetch()} />}
      {schedules.data?.length === 0 && <p className={css.help}>{t("triggers.noSchedules")}</p>}
      {shown.length === 0 && (schedules.data?.length ?? 0) > 0 && (
        <p className={css.help}>{t("triggers.noMatchingSchedules")}</p>
      )}
      {shown.length > 0 && (
        <ul className={css.list}>
          {shown.map((each) => (
            <ScheduleRow
              key={each.path}
              schedule={each}
              highlighted={each.path === saved}
              edit={() => setEditing(each)}
            />
          ))}
        </ul>
      )}
      {editing && (
        <ScheduleForm schedule={editing === "new" ? null : editing} saved={setSaved} close={() => setEditing(null)} />
      )}
    </section>
  );
}

const textOf = ({ path, summary, schedule, timezone }: Schedule): string =>
  `${path} ${summary ?? ""} ${schedule} ${scheduleText(schedule)} ${timezone}`.toLowerCase();

interface RowProps {
  schedule: Schedule;
  /** Scroll to the row and mark it: the schedule was just saved. */
  highlighted?: boolean;
  edit: () => void;
}

/** A schedule with its next runs and commands. */
export function ScheduleRow({ schedule, highlighted = false, edit }: RowProps) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (highlighted) row.current?.scrollIntoView({ block: "center" });
  }, [highlighted]);
  const store = useEditorStore();
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const queries = useQueryClient();
  const [, setSearch] = useSearchParams();
  const [deleting, setDeleting] = useState(false);
  const changed = () => queries.invalidateQueries(schedulesQuery(workspace, flow));
  const { path, enabled } = schedule;
  const stopped = useStopped(workspace, schedule.error, schedule.permissioned_as, schedule.error_code);
  const name = schedule.summary || path;
  const runNow = async () => {
    watchTest(store, await startFlow(workspace, flow, (schedule.args ?? {}) as Json));
    setSearch({});
    store.setState({ panel: "test" });
  };
  return (
    <li className={css.item} ref={row} data-highlighted={highlighted || undefined}>
      <div className={css.heading}>
        <span className={css.name}>{name}</span>
        {name !== path && <code className={css.help}>{path}</code>}
        <span className={css.help}>
          <ScheduleText cron={schedule.schedule} /> {schedule.timezone}
        </span>
        <span className={css.help}>
          <RunsAs identity={schedule.permissioned_as} />
        </span>
        <Status
          status={enabled ? "succeeded" : "paused"}
          word={enabled ? t("triggers.active") : t("triggers.paused")}
        />
      </div>
      {enabled && <Ticks schedule={schedule.schedule} timezone={schedule.timezone} />}
      {stopped.text && <p className={css.error}>{stopped.text}</p>}
      <TriggerAcceptance workspace={workspace} kind="schedule" path={path} className={css.help} />
      <div className={css.tools}>
        <RunButton onClick={() => attempt(runNow)}>{t("triggers.runNow")}</RunButton>
        {!stopped.isOwnerless && (
          <EditButton
            icon={enabled ? "pause" : "play"}
            onClick={() => attempt(async () => enableSchedule(workspace, path, !enabled).then(changed))}
          >
            {enabled ? t("triggers.pause") : t("triggers.resume")}
          </EditButton>
        )}
        <EditButton icon="edit" onClick={edit}>
          {t("ui.edit")}
        </EditButton>
        <EditIconButton label={t("triggers.deleteItem", { name })} icon="trash" onClick={() => setDeleting(true)} />
      </div>
      {deleting && (
        <Confirm
          title={t("triggers.deleteSchedule", { name })}
          confirmLabel={t("ui.delete")}
          close={() => setDeleting(false)}
          onConfirm={() => attempt(async () => deleteSchedule(workspace, path).then(changed))}
        >
          <p className={css.help}>{t("triggers.deleteScheduleHint")}</p>
        </Confirm>
      )}
    </li>
  );
}
