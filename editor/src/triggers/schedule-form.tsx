import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import {
  createSchedule,
  type NewSchedule,
  type Schedule,
  schedulesQuery,
  ticksQuery,
  updateSchedule,
} from "../api/triggers";
import { useEditor } from "../editor/context";
import { InputFields, useInputs } from "../forms/input-form";
import { ApiError, errorText } from "../lib/api-error";
import { findTimeZone, localTimeZone, timeZones } from "../lib/time";
import { IS_ENGLISH } from "../texts/language";
import { t } from "../texts/triggers";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import { exampleOf } from "../workflow/example";
import type { Json, Tree } from "../workflow/types";
import { parseJsonObject } from "./json";
import { Ticks } from "./ticks";
import { PRESETS, presetOf } from "./times";
import { TriggerDialog } from "./trigger-dialog";
import css from "./triggers.module.css";

interface Props {
  /** The schedule to change; null: a new one. */
  schedule: Schedule | null;
  /** Receives the path of the saved schedule. */
  saved?: (path: string) => void;
  close: () => void;
}

/** Return the error of a cron expression. The reason of the server is English. */
function cronError(error: Error): string {
  const invalid = error instanceof ApiError && error.code === "bad_request";
  return invalid && !IS_ENGLISH ? t("triggers.cronInvalid") : errorText(error);
}

/** Dialog that creates or changes a schedule, with a preview of its next runs. */
export function ScheduleForm({ schedule, saved, close }: Props) {
  const workspace = useEditor((editor) => editor.workspace);
  const flow = useEditor((editor) => editor.flow.path);
  const schema = useEditor((editor) => editor.flow.schema) as Json | undefined;
  const queries = useQueryClient();
  const existing = useQuery(schedulesQuery(workspace, flow)).data?.length ?? 0;
  const [values, setGiven] = useState({
    path: schedule?.path ?? `${flow}_schedule${existing > 0 ? `_${existing + 1}` : ""}`,
    summary: schedule?.summary ?? "",
    cron: schedule?.schedule ?? "0 0 8 * * *",
    zone: schedule?.timezone ?? localTimeZone(),
    missed: schedule?.missed ?? "once",
    overlap: !(schedule?.no_flow_overlap ?? false),
  });
  const update = (change: Partial<typeof values>) => setGiven((before) => ({ ...before, ...change }));
  const found = findTimeZone(values.zone);
  const zone = found ?? values.zone;
  const ticks = useQuery(ticksQuery(values.cron, zone));
  const zoneError = found === null ? t("triggers.noTimeZone", { zone: values.zone }) : undefined;
  const args = useScheduleArgs(schema, schedule ? ((schedule.args ?? {}) as Tree) : exampleOf(schema));
  const saving = useMutation({
    mutationFn: async (given: Tree) => {
      const body: NewSchedule = {
        path: values.path,
        script_path: flow,
        is_flow: true,
        enabled: schedule?.enabled ?? true,
        schedule: values.cron,
        timezone: zone,
        args: given,
        missed: values.missed,
        no_flow_overlap: !values.overlap,
        summary: values.summary || null,
      } as NewSchedule;
      await (schedule ? updateSchedule(workspace, body) : createSchedule(workspace, body));
      await queries.invalidateQueries(schedulesQuery(workspace, flow));
    },
    onSuccess: () => {
      saved?.(values.path);
      close();
    },
  });
  const submit = () => {
    const given = args.read();
    if (given) saving.mutate(given);
  };
  return (
    <TriggerDialog
      title={schedule ? t("triggers.scheduleNamed", { path: schedule.path }) : t("triggers.newSchedule")}
      path={schedule ? null : values.path}
      setPath={(path) => update({ path })}
      createLabel={t("triggers.createSchedule")}
      saving={saving}
      invalid={ticks.isError}
      submit={submit}
      close={close}
    >
      <Field label={t("triggers.when")}>
        <Select value={presetOf(values.cron)?.[1] ?? ""} set={(next) => next && update({ cron: next })}>
          {PRESETS.map(([name, cron]) => (
            <option key={cron} value={cron}>
              {name}
            </option>
          ))}
          <option value="">{t("triggers.custom")}</option>
        </Select>
      </Field>
      <div className={css.pair}>
        <Field
          label={t("triggers.cron")}
          help={t("triggers.cronHint")}
          error={ticks.isError && zoneError === undefined ? cronError(ticks.error) : undefined}
        >
          <Input value={values.cron} spellCheck={false} onChange={(event) => update({ cron: event.target.value })} />
        </Field>
        <Field label={t("triggers.timeZone")} error={zoneError}>
          <Input
            list="zones"
            value={values.zone}
            onChange={(event) => update({ zone: event.target.value })}
            onBlur={() => update({ zone })}
          />
        </Field>
      </div>
      <datalist id="zones">
        {timeZones().map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <Ticks schedule={values.cron} timezone={zone} />
      {args.fields}
      <div className={css.pair}>
        <Field label={t("triggers.summary")}>
          <Input value={values.summary} onChange={(event) => update({ summary: event.target.value })} />
        </Field>
        <Field label={t("triggers.missed")}>
          <Select value={values.missed} set={(next) => update({ missed: next })}>
            <option value="once">{t("triggers.missedOnce")}</option>
            <option value="all">{t("triggers.missedAll")}</option>
            <option value="skip">{t("triggers.missedSkip")}</option>
          </Select>
        </Field>
      </div>
      <label className={css.check}>
        <input
          type="checkbox"
          checked={values.overlap}
          onChange={(event) => update({ overlap: event.target.checked })}
        />
        {t("triggers.overlap")}
      </label>
    </TriggerDialog>
  );
}

interface ScheduleArgs {
  fields: ReactNode;
  /** Return the inputs; null, and show the errors, if they are invalid. */
  read: () => Tree | null;
}

/** Return the fields of a schedule's inputs: those of the schema, otherwise one of JSON. Inputs without a field are preserved. */
function useScheduleArgs(schema: Json | undefined, initial: Tree | null): ScheduleArgs {
  const inputs = useInputs(schema, initial);
  const [json, setJson] = useState(() => JSON.stringify(initial ?? {}, null, 2));
  const parsed = parseJsonObject(json);
  if (inputs.names.length === 0) {
    const fields = (
      <details className={css.otherInputs} open={Object.keys(initial ?? {}).length > 0}>
        <summary>{t("triggers.noDeclaredInputs")}</summary>
        <Field label={t("triggers.inputs")} help="JSON" error={parsed ? undefined : t("triggers.notObject")}>
          <textarea
            className={controls.input}
            spellCheck={false}
            value={json}
            onChange={(event) => setJson(event.target.value)}
          />
        </Field>
      </details>
    );
    return { fields, read: () => parsed };
  }
  const fields = (
    <fieldset className={css.inputs}>
      <legend>{t("triggers.inputs")}</legend>
      <InputFields inputs={inputs} />
    </fieldset>
  );
  const others = Object.entries(initial ?? {}).filter(([name]) => !inputs.names.includes(name));
  const read = () => {
    const given = inputs.read();
    return given && { ...Object.fromEntries(others), ...given };
  };
  return { fields, read };
}
