import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type AlertSettings, alertsQuery } from "../api/alerts";
import { type InstanceSetting, useSettingSave } from "../api/instance-settings";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import type { Json } from "../workflow/types";
import { MapField } from "./map-field";
import { FormDialog, useSubmission } from "./parts";
import css from "./settings.module.css";

const GIBIBYTE = 2 ** 30;

type Numbers = "queue_age_s" | "no_worker_s" | "database_bytes" | "disk_free_percent" | "token_expiry_days";
type Flags = "failing_workflows" | "lost_workers" | "missed_schedules";

/** Conditions with a limit, and the number of units of the stored value in one of the field. */
const LIMITS: readonly [Numbers, string, number][] = [
  ["queue_age_s", t("settings.conditionQueueAge"), 1],
  ["no_worker_s", t("settings.conditionNoWorker"), 1],
  ["database_bytes", t("settings.conditionDatabase"), GIBIBYTE],
  ["disk_free_percent", t("settings.conditionDisk"), 1],
  ["token_expiry_days", t("settings.conditionToken"), 1],
];
const FLAGS: readonly [Flags, string][] = [
  ["failing_workflows", t("settings.conditionFailing")],
  ["lost_workers", t("settings.conditionLostWorkers")],
  ["missed_schedules", t("settings.conditionMissed")],
];

/** Return the number of a field, null if it is empty, or NaN. */
const numberOf = (text: string): number | null => (text.trim() === "" ? null : Number(text));

/** Form of the conditions that raise alerts. The channels, which the page Alerts changes, remain. */
export function AlertConditionsDialog(props: { setting: InstanceSetting; title: string; close: () => void }) {
  const { setting, title, close } = props;
  const { workspace = "" } = useParams();
  const queries = useQueryClient();
  const submission = useSubmission();
  const { stored: base, save } = useSettingSave(setting);
  // A stored value may leave out what has a default.
  const stored = { ...(setting.default as object), ...(base as object) } as AlertSettings;
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(LIMITS.map(([name, , unit]) => [name, limitText(stored[name], unit)])),
  );
  const [flags, setFlags] = useState<Record<string, boolean>>(() =>
    Object.fromEntries(FLAGS.map(([name]) => [name, stored[name] ?? false])),
  );
  const [groups, setGroups] = useState<Record<string, string>>(() =>
    Object.fromEntries(Object.entries(stored.group_workers ?? {}).map(([name, number]) => [name, String(number)])),
  );
  const submit = async () => {
    const limits = LIMITS.map(([name, , unit]) => {
      const number = numberOf(texts[name] ?? "");
      return [name, number === null ? null : Math.round(number * unit)] as const;
    });
    const minima = Object.entries(groups).map(([name, text]) => [name, Number(text)] as const);
    const problems = Object.fromEntries([
      ...limits.map(([name, number]) => [name, Number.isNaN(number) ? t("settings.notInteger") : undefined]),
      ["groups", minima.some(([, number]) => !Number.isInteger(number)) ? t("settings.notInteger") : undefined],
    ]);
    const value = { ...stored, ...Object.fromEntries(limits), ...flags, group_workers: Object.fromEntries(minima) };
    if (await submission.send(() => save(value as unknown as Json), problems)) {
      notify(t("settings.saved", { name: t("settings.labelAlerts") }));
      close();
    }
    await queries.invalidateQueries(alertsQuery);
  };
  const page = <Link to={`/w/${workspace}/settings/alerts`}>{t("settings.alerts")}</Link>;
  return (
    <FormDialog title={title} submitLabel={t("ui.save")} submission={submission} submit={submit} close={close}>
      <p className={css.note}>{tWith("settings.conditionsHint", { page })}</p>
      {LIMITS.map(([name, label]) => (
        <Field key={name} label={label} error={submission.errors[name]}>
          <Input
            inputMode="decimal"
            value={texts[name] ?? ""}
            onChange={(event) => setTexts({ ...texts, [name]: event.target.value })}
          />
        </Field>
      ))}
      {FLAGS.map(([name, label]) => (
        <label key={name} className={css.check}>
          <input
            type="checkbox"
            checked={flags[name] ?? false}
            onChange={(event) => setFlags({ ...flags, [name]: event.target.checked })}
          />
          {label}
        </label>
      ))}
      <MapField
        label={t("settings.conditionGroups")}
        help={t("settings.conditionGroupsHint")}
        names={[t("settings.workerGroup"), t("settings.conditionWorkers")]}
        entries={groups}
        set={setGroups}
        error={submission.errors.groups}
      />
    </FormDialog>
  );
}

const limitText = (value: number | null | undefined, unit: number): string =>
  value === null || value === undefined ? "" : String(value / unit);
