import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { sentence } from "../api/client";
import {
  createSchedule,
  type NewSchedule,
  type Schedule,
  schedulesQuery,
  ticksQuery,
  updateSchedule,
} from "../api/triggers";
import { useEditor } from "../editing/context";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Dialog, dialogCss } from "../ui/dialog";
import { at } from "../workflow/types";
import { jsonOf } from "./json";
import { Ticks } from "./schedules";
import { ownZone, USUAL, zones } from "./times";
import css from "./triggers.module.css";

/** A schedule to make or change; its next runs are shown while it is written. */
export function ScheduleForm({ schedule, close }: { schedule: Schedule | null; close: () => void }) {
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const example = useEditor((editor) => at(editor.tree, ["schema", "examples", 0]));
  const queries = useQueryClient();
  const taken = useQuery(schedulesQuery(workspace, flow)).data?.length ?? 0;
  const [given, setGiven] = useState({
    path: schedule?.path ?? `${flow}_schedule${taken > 0 ? `_${taken + 1}` : ""}`,
    summary: schedule?.summary ?? "",
    cron: schedule?.schedule ?? "0 0 8 * * *",
    zone: schedule?.timezone ?? ownZone(),
    args: JSON.stringify(schedule ? (schedule.args ?? {}) : (example ?? {}), null, 2),
    missed: schedule?.missed ?? "once",
    overlap: !(schedule?.no_flow_overlap ?? false),
  });
  const put = (change: Partial<typeof given>) => setGiven((before) => ({ ...before, ...change }));
  const ticks = useQuery(ticksQuery(given.cron, given.zone));
  const args = jsonOf(given.args);
  const saving = useMutation({
    mutationFn: async () => {
      const body: NewSchedule = {
        path: given.path,
        script_path: flow,
        is_flow: true,
        enabled: schedule?.enabled ?? true,
        schedule: given.cron,
        timezone: given.zone,
        args: args ?? {},
        missed: given.missed,
        no_flow_overlap: !given.overlap,
        summary: given.summary || null,
      } as NewSchedule;
      await (schedule ? updateSchedule(workspace, body) : createSchedule(workspace, body));
      await queries.invalidateQueries(schedulesQuery(workspace, flow));
    },
    onSuccess: close,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (args) saving.mutate();
  };
  return (
    <Dialog title={schedule ? `Schedule ${schedule.path}` : "New schedule"} close={close}>
      <form className={css.form} onSubmit={submit}>
        <Field label="When">
          <select
            className={controls.input}
            value={USUAL.some(([, cron]) => cron === given.cron) ? given.cron : ""}
            onChange={(event) => event.target.value && put({ cron: event.target.value })}
          >
            {USUAL.map(([name, cron]) => (
              <option key={cron} value={cron}>
                {name}
              </option>
            ))}
            <option value="">As written below</option>
          </select>
        </Field>
        <div className={css.pair}>
          <Field
            label="Cron"
            help="Minute, hour, day, month, day of the week. A sixth field in front is the second."
            fault={ticks.isError ? sentence(ticks.error) : undefined}
          >
            <Input value={given.cron} spellCheck={false} onChange={(event) => put({ cron: event.target.value })} />
          </Field>
          <Field label="Time zone">
            <Input list="zones" value={given.zone} onChange={(event) => put({ zone: event.target.value })} />
          </Field>
        </div>
        <datalist id="zones">
          {zones().map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
        <Ticks schedule={given.cron} timezone={given.zone} />
        <Field label="Inputs" help="JSON" fault={args ? undefined : "This is no JSON object."}>
          <textarea
            className={controls.input}
            spellCheck={false}
            value={given.args}
            onChange={(event) => put({ args: event.target.value })}
          />
        </Field>
        <div className={css.pair}>
          <Field label="Summary">
            <Input value={given.summary} onChange={(event) => put({ summary: event.target.value })} />
          </Field>
          <Field label="Times missed while no server was there">
            <select
              className={controls.input}
              value={given.missed}
              onChange={(event) => put({ missed: event.target.value })}
            >
              <option value="once">Run the last of them</option>
              <option value="all">Run all of them</option>
              <option value="skip">Run none of them</option>
            </select>
          </Field>
        </div>
        <label className={css.check}>
          <input type="checkbox" checked={given.overlap} onChange={(event) => put({ overlap: event.target.checked })} />
          Start also while a run of it is under way
        </label>
        {!schedule && (
          <Field label="Path">
            <Input value={given.path} spellCheck={false} onChange={(event) => put({ path: event.target.value })} />
          </Field>
        )}
        {saving.isError && (
          <p className={css.fault} role="alert">
            {sentence(saving.error)}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>Back</Button>
          <Button look="main" type="submit" disabled={saving.isPending || !args || ticks.isError}>
            {schedule ? "Save" : "Make the schedule"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
