import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { bindGit, type GitBinding } from "../api/git";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import { FormDialog, missing, useSubmission } from "./parts";
import css from "./settings.module.css";

interface Props {
  workspace: string;
  /** Null if the workspace is not bound. */
  binding: GitBinding | null;
  close: () => void;
}

/** Dialog that binds a workspace to a repository, or changes its binding. */
export function GitDialog({ workspace, binding, close }: Props) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [url, setUrl] = useState(binding?.url ?? "");
  const [branch, setBranch] = useState(binding?.branch ?? "main");
  const [folder, setFolder] = useState(binding?.folder ?? "");
  const [username, setUsername] = useState(binding?.username ?? "");
  const [token, setToken] = useState("");
  const isStored = binding?.has_token && binding.url === url.trim();
  const submit = async () => {
    const problems = { url: missing(url), branch: missing(branch) };
    const body = { url: url.trim(), branch, folder, username: username || null, token: token || null };
    let exists = true;
    const bind = async () => {
      exists = await bindGit(workspace, body);
    };
    if (!(await submission.send(bind, problems))) return;
    notify(exists ? t("settings.saved", { name: t("settings.git") }) : t("settings.gitNewBranch", { branch }));
    close();
    await queries.invalidateQueries({ queryKey: ["git", workspace] });
  };
  return (
    <FormDialog
      title={binding ? t("settings.gitEdit") : t("settings.gitBind")}
      submitLabel={binding ? t("ui.save") : t("settings.gitBind")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.gitUrl")} help={t("settings.gitUrlHint")} error={submission.errors.url}>
        <Input value={url} spellCheck={false} onChange={(event) => setUrl(event.target.value)} />
      </Field>
      <Field label={t("settings.gitBranch")} error={submission.errors.branch}>
        <Input value={branch} spellCheck={false} onChange={(event) => setBranch(event.target.value)} />
      </Field>
      <Field label={t("settings.gitFolder")} help={t("settings.gitFolderHint")}>
        <Input value={folder} spellCheck={false} onChange={(event) => setFolder(event.target.value)} />
      </Field>
      <Field label={t("settings.gitUser")} help={t("settings.gitUserHint")}>
        <Input value={username} autoComplete="off" onChange={(event) => setUsername(event.target.value)} />
      </Field>
      <Field label={t("settings.gitToken")} help={t(isStored ? "settings.gitTokenStored" : "settings.gitTokenHint")}>
        <Input
          type="password"
          value={token}
          autoComplete="new-password"
          onChange={(event) => setToken(event.target.value)}
        />
      </Field>
      {binding && binding.url !== url.trim() && <p className={css.note}>{t("settings.gitResets")}</p>}
    </FormDialog>
  );
}
