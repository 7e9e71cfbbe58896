import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { BASE } from "../api/client";
import {
  type InstanceSetting,
  instanceSettingsQuery,
  setInstanceSetting,
  useSettingSave,
} from "../api/instance-settings";
import { t, tWith } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import type { Json } from "../workflow/types";
import { AlertConditionsDialog } from "./alert-conditions-dialog";
import { BreakGlassDialog, ReopenQuestion } from "./break-glass-dialog";
import { MailServerDialog } from "./mail-server-dialog";
import { MapField } from "./map-field";
import { FormDialog, Problem, useSubmission } from "./parts";
import { settingSummary } from "./setting-summary";
import { settingTexts } from "./setting-texts";
import { kindOfSetting, type SettingKind, settingText, settingValue } from "./setting-value";
import css from "./settings.module.css";

/** Setting with the queues of runs by workspace. */
const QUEUES = "default_tags";
/** Setting with the public keys of other instances by name. */
const TRUSTED_KEYS = "trusted_release_keys";
/** Setting whose default allows all accounts to log in with a password. */
const BREAK_GLASS = "break_glass_account";
/** Colour that the field shows while none is stored. */
const COLOR = "#4f46e5";

/** A setting of the instance with its value, in a list; superadmins edit or reset it. */
export function SettingRow({ setting }: { setting: InstanceSetting }) {
  const queries = useQueryClient();
  const { busy, errors, send } = useSubmission();
  const [editing, setEditing] = useState(false);
  const [asking, setAsking] = useState(false);
  const { name } = setting;
  const { label, hint, guide } = settingTexts(name, setting.description);
  const Form = FORMS[name] ?? SettingDialog;
  const reset = async () => {
    if (await send(() => setInstanceSetting(name, null, setting.version)))
      notify(t("settings.settingReset", { name: label }));
    await queries.invalidateQueries(instanceSettingsQuery);
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{label}</span>
          <span>{settingSummary(setting)}</span>
        </span>
        <span className={css.facts}>
          <code>{name}</code>
        </span>
        <span className={css.facts}>
          <span>{hint}</span>
          {guide && <GuideLink label={label} guide={guide} />}
        </span>
        <span className={css.facts}>
          <span>
            <Origin setting={setting} />
          </span>
        </span>
      </div>
      {!setting.variable && (
        <div className={css.tools}>
          <Button icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name: label })}>
            {t("ui.edit")}
          </Button>
          {setting.updated_at && (
            <Button
              icon="undo"
              disabled={busy}
              onClick={() => (name === BREAK_GLASS ? setAsking(true) : void reset())}
              aria-label={t("settings.useDefaultOf", { name: label })}
            >
              {t("settings.useDefault")}
            </Button>
          )}
        </div>
      )}
      <Problem text={errors[""]} />
      {asking && <ReopenQuestion close={() => setAsking(false)} onConfirm={() => void reset()} />}
      {editing && <Form setting={setting} title={label} close={() => setEditing(false)} />}
    </>
  );
}

/** Origin of the value: the environment of the server, the last author, or the default. */
function Origin({ setting }: { setting: InstanceSetting }) {
  const { variable, updated_at: at, updated_by: author = "" } = setting;
  if (variable) return tWith("settings.setByVariable", { variable: <code>{variable}</code> });
  return at ? tWith("settings.changedBy", { time: <Time at={at} /> }, { author }) : t("settings.default");
}

const GuideLink = ({ label, guide }: { label: string; guide: string }) => (
  <a
    href={`${BASE}/docs/${guide}.html`}
    target="_blank"
    rel="noreferrer"
    aria-label={t("settings.guideOf", { name: label })}
  >
    {t("shell.documentation")}
  </a>
);

interface DialogProps {
  setting: InstanceSetting;
  title: string;
  close: () => void;
}

/** Forms of settings that consist of several fields, by name. */
const FORMS: Readonly<Record<string, (props: DialogProps) => ReactNode>> = {
  smtp: MailServerDialog,
  alerts: AlertConditionsDialog,
  [BREAK_GLASS]: BreakGlassDialog,
};

/** Return the help of the field of a setting. A choice and a color cannot be left empty. */
function helpOf(kind: SettingKind): string | undefined {
  if (kind === "json") return t("settings.settingSecretsHint");
  return kind === "color" || kind === "boolean" ? undefined : t("settings.emptyIsDefault");
}

function SettingDialog({ setting, title, close }: DialogProps) {
  const { save } = useSettingSave(setting);
  const submission = useSubmission(() => "value");
  const { name } = setting;
  const { label, hint, guide } = settingTexts(name, setting.description);
  const kind = kindOfSetting(setting.schema as Json);
  const [typed, setTyped] = useState(settingText(setting.value as Json, kind) || (kind === "color" ? COLOR : ""));
  const read = settingValue(typed, kind);
  const submit = async () => {
    const problem = "error" in read ? read.error : undefined;
    if (await submission.send(() => save("value" in read ? read.value : null), { value: problem })) {
      notify(t("settings.saved", { name: label }));
      close();
    }
  };
  const field = {
    value: typed,
    spellCheck: false,
    onChange: (event: { target: { value: string } }) => setTyped(event.target.value),
  };
  return (
    <FormDialog
      title={title}
      submitLabel={t("ui.save")}
      submission={submission}
      submit={submit}
      wide={kind === "json"}
      close={close}
    >
      <p className={css.note}>
        {hint} {guide && <GuideLink label={label} guide={guide} />}
      </p>
      {kind === "map" ? (
        <MapField
          label={t("settings.value")}
          help={name === QUEUES ? t("settings.mapOthers") : t("settings.emptyIsDefault")}
          names={
            name === QUEUES
              ? [t("settings.mapWorkspace"), t("settings.mapQueue")]
              : [t("ui.name"), name === TRUSTED_KEYS ? t("settings.mapPublicKey") : t("settings.value")]
          }
          entries={JSON.parse(typed || "{}")}
          set={(entries) => setTyped(JSON.stringify(entries))}
          error={submission.errors.value}
        />
      ) : (
        <Field label={t("settings.value")} help={helpOf(kind)} error={submission.errors.value}>
          {kind === "boolean" ? (
            <Select value={typed} set={setTyped}>
              <option value="true">{t("settings.yes")}</option>
              <option value="false">{t("settings.no")}</option>
            </Select>
          ) : kind === "json" ? (
            <textarea className={controls.input} rows={14} {...field} />
          ) : (
            <Input
              type={kind === "color" ? "color" : "text"}
              inputMode={kind === "integer" ? "numeric" : "text"}
              {...field}
            />
          )}
        </Field>
      )}
    </FormDialog>
  );
}
