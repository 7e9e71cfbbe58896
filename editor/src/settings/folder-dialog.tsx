import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Folder, updateFolder } from "../api/folders";
import { peopleQuery } from "../api/options";
import { t } from "../texts/settings";
import { Field, IconButton, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { FormDialog, useSubmission } from "./parts";
import css from "./settings.module.css";

export type Level = "read" | "write" | "own";

/** Names of the levels of access to a folder. */
export const LEVELS: Readonly<Record<Level, string>> = {
  read: t("settings.levelRead"),
  write: t("settings.levelWrite"),
  own: t("settings.levelOwn"),
};

/** Return the access to a folder by `u/<user>` and `g/<group>`. */
export function accessOf({ owners, extra_perms: perms }: Folder): Record<string, Level> {
  const shared = Object.entries(perms).map(([name, write]): [string, Level] => [name, write ? "write" : "read"]);
  const owned = owners.map((name): [string, Level] => [name, "own"]);
  return Object.fromEntries([...owned, ...shared.filter(([name]) => !owners.includes(name))]);
}

/** Dialog with the description and the permissions of a folder. */
export function FolderDialog({ workspace, folder, close }: { workspace: string; folder: Folder; close: () => void }) {
  const queries = useQueryClient();
  const people = useQuery(peopleQuery(workspace)).data;
  const submission = useSubmission();
  const [summary, setSummary] = useState(folder.summary ?? "");
  const [access, setAccess] = useState(() => accessOf(folder));
  const name = `f/${folder.name}`;
  const submit = async () => {
    const entries = Object.entries(access);
    const change = {
      summary,
      owners: entries.filter(([, level]) => level === "own").map(([principal]) => principal),
      extra_perms: Object.fromEntries(entries.map(([principal, level]) => [principal, level !== "read"])),
    };
    if (!(await submission.send(() => updateFolder(workspace, folder.name, change)))) return;
    notify(t("settings.saved", { name }));
    close();
    await queries.invalidateQueries({ queryKey: ["places", workspace] });
  };
  const options = [...(people?.groups ?? []), ...(people?.members ?? [])].filter(({ value }) => !(value in access));
  return (
    <FormDialog
      title={t("settings.editItem", { name })}
      submitLabel={t("ui.save")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("ui.description")}>
        <Input value={summary} onChange={(event) => setSummary(event.target.value)} />
      </Field>
      <Field label={t("settings.shareWith")} help={t("settings.levelsHint")}>
        <Select value="" set={(principal) => setAccess({ ...access, [principal]: "read" })}>
          <option value="">{t("settings.choose")}</option>
          {options.map(({ value, description }) => (
            <option key={value} value={value}>
              {description ? `${value} (${description})` : value}
            </option>
          ))}
        </Select>
      </Field>
      <ul className={css.list} aria-label={t("settings.access")}>
        {Object.entries(access).map(([principal, level]) => (
          <li key={principal} className={css.row}>
            <span className={css.name}>{principal}</span>
            <span className={css.tools}>
              <Select
                aria-label={t("settings.levelOf", { name: principal })}
                value={level}
                set={(next) => setAccess({ ...access, [principal]: next as Level })}
              >
                {Object.entries(LEVELS).map(([key, word]) => (
                  <option key={key} value={key}>
                    {word}
                  </option>
                ))}
              </Select>
              <IconButton
                icon="cross"
                label={t("settings.removeOf", { name: principal })}
                onClick={() =>
                  setAccess(Object.fromEntries(Object.entries(access).filter(([each]) => each !== principal)))
                }
              />
            </span>
          </li>
        ))}
      </ul>
    </FormDialog>
  );
}
