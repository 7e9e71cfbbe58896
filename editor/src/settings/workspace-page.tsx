import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ownMemberQuery } from "../api/members";
import {
  archiveWorkspace,
  renameWorkspace,
  setWorkspaceSetting,
  type WorkspaceSettingName,
  type WorkspaceSettings,
  workspaceNameQuery,
  workspaceSettingsQuery,
} from "../api/workspaces";
import { settingConflict } from "../lib/api-error";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button, Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import { ArchiveFiles } from "./archive-files";
import { ArchivedWorkspaces } from "./archived-workspaces";
import { Loaded, Problem, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Name and settings of the workspace, and its archive. Members who are not admins only read them. */
export function WorkspacePage() {
  const { workspace = "" } = useParams();
  const name = useQuery(workspaceNameQuery(workspace));
  const settings = useQuery(workspaceSettingsQuery(workspace));
  const admin = useQuery(ownMemberQuery(workspace)).data?.is_admin ?? false;
  const archived = settings.data?.archived ?? false;
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.workspaceSettings")}</h1>
      </div>
      <p className={css.about}>{t("settings.workspaceSettingsHint", { id: workspace })}</p>
      <Loaded query={name} />
      <Loaded query={settings} />
      {name.data !== undefined && settings.data && (
        <SettingsForm
          key={workspace}
          workspace={workspace}
          name={name.data}
          settings={settings.data}
          admin={admin && !archived}
        />
      )}
      {settings.data && <ArchiveFiles workspace={workspace} archived={archived} admin={admin} />}
      {admin && settings.data && <Archive workspace={workspace} archived={archived} />}
    </main>
  );
}

interface FormProps {
  workspace: string;
  name: string;
  settings: WorkspaceSettings;
  admin: boolean;
}

type Bases = Pick<WorkspaceSettings, WorkspaceSettingName> & { new_name: string };

/** Beginnings of the messages of errors, with the field that they belong to. */
const FIELDS = [
  ["retention_days", "retention"],
  ["token_max_age_days", "age"],
  ["The retention", "retention"],
  ["The age of tokens", "age"],
  ["new_name", "name"],
  ["The name", "name"],
] as const;

/** Return the value of a number of days in a field, null if it is empty, or undefined if it is not a number. */
function daysOf(text: string): number | null | undefined {
  if (text.trim() === "") return null;
  return /^\d{1,6}$/.test(text.trim()) ? Number(text) : undefined;
}

const textOf = (days: number | null | undefined): string => (days === null || days === undefined ? "" : String(days));

function SettingsForm({ workspace, name, settings, admin }: FormProps) {
  const queries = useQueryClient();
  const [typedName, setName] = useState(name);
  const [retention, setRetention] = useState(textOf(settings.retention_days));
  const [age, setAge] = useState(textOf(settings.token_max_age_days));
  const [readable, setReadable] = useState(settings.secrets_readable);
  const [searched, setSearched] = useState(settings.search_run_data);
  // Stored values that the changes are based on.
  const [bases, setBases] = useState<Bases>({ ...settings, new_name: name });
  const submission = useSubmission(({ message }) => FIELDS.find(([start]) => message.startsWith(start))?.[1] ?? "");
  const { errors, busy } = submission;
  const values = {
    retention_days: daysOf(retention),
    token_max_age_days: daysOf(age),
    secrets_readable: readable,
    search_run_data: searched,
  };
  const save = async () => {
    const stored = { ...bases };
    try {
      if (typedName.trim() !== stored.new_name) {
        await renameWorkspace(workspace, typedName.trim(), stored.new_name);
        stored.new_name = typedName.trim();
      }
      for (const setting of Object.keys(values) as (keyof typeof values)[]) {
        const value = values[setting];
        if (value === undefined || value === stored[setting]) continue;
        await setWorkspaceSetting(workspace, setting, value, stored[setting]);
        Object.assign(stored, { [setting]: value });
      }
    } catch (error) {
      // The conflict shows the stored value: the next attempt replaces that one.
      const conflict = settingConflict(error);
      if (conflict) Object.assign(stored, { [conflict.name]: conflict.theirs });
      throw error;
    } finally {
      setBases(stored);
    }
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const problems = {
      name: typedName.trim() ? undefined : t("ui.required"),
      retention: values.retention_days === undefined ? t("settings.notInteger") : undefined,
      age: values.token_max_age_days === undefined ? t("settings.notInteger") : undefined,
    };
    const saved = await submission.send(save, problems);
    // A part may be stored if another one was refused.
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workspaces"] }),
      queries.invalidateQueries({ queryKey: ["me"] }),
    ]);
    if (saved) notify(t("settings.saved", { name: t("settings.workspaceSettings") }));
  };
  const readOnly = !admin;
  return (
    <form className={css.form} onSubmit={(event) => void submit(event)} noValidate>
      <Field label={t("ui.name")} error={errors.name}>
        <Input value={typedName} readOnly={readOnly} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label={t("settings.retentionDays")} help={t("settings.retentionDaysHint")} error={errors.retention}>
        <Input
          value={retention}
          inputMode="numeric"
          readOnly={readOnly}
          onChange={(event) => setRetention(event.target.value)}
        />
      </Field>
      <Field label={t("settings.maxTokenAge")} help={t("settings.maxTokenAgeHint")} error={errors.age}>
        <Input value={age} inputMode="numeric" readOnly={readOnly} onChange={(event) => setAge(event.target.value)} />
      </Field>
      <label className={css.check}>
        <input
          type="checkbox"
          checked={readable}
          disabled={readOnly}
          onChange={(event) => setReadable(event.target.checked)}
        />
        {t("settings.secretsReadable")}
      </label>
      <label className={css.check}>
        <input
          type="checkbox"
          checked={searched}
          disabled={readOnly}
          onChange={(event) => setSearched(event.target.checked)}
        />
        {t("settings.searchRunData")}
      </label>
      <Problem text={errors[""]} />
      {admin && (
        <div className={css.tools}>
          <Button type="submit" look="main" disabled={busy}>
            {t("ui.save")}
          </Button>
        </div>
      )}
    </form>
  );
}

function Archive({ workspace, archived }: { workspace: string; archived: boolean }) {
  const queries = useQueryClient();
  const { busy, errors, send } = useSubmission();
  const [confirming, setConfirming] = useState(false);
  const archive = async () => {
    if (!(await send(() => archiveWorkspace(workspace)))) return;
    notify(t("settings.archivedWorkspace", { name: workspace }));
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workspaces"] }),
      queries.invalidateQueries({ queryKey: ["me"] }),
    ]);
  };
  return (
    <section className={css.section} aria-labelledby="archive">
      <h2 id="archive">{t("settings.archive")}</h2>
      {!archived && (
        <>
          <p className={css.about}>{t("settings.archiveHint")}</p>
          <div className={css.tools}>
            <Button look="danger" disabled={busy} onClick={() => setConfirming(true)}>
              {t("settings.archiveNamed", { name: workspace })}
            </Button>
          </div>
        </>
      )}
      <Problem text={errors[""]} />
      <ArchivedWorkspaces />
      {confirming && (
        <Confirm
          title={t("settings.archiveQuestion", { name: workspace })}
          confirmLabel={t("settings.archive")}
          close={() => setConfirming(false)}
          onConfirm={() => void archive()}
        >
          <p>{t("settings.archiveHint")}</p>
        </Confirm>
      )}
    </section>
  );
}
