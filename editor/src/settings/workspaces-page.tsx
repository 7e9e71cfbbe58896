import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createWorkspace, workspacesQuery } from "../api/workspaces";
import { t } from "../texts/settings";
import { Button, Field, Input, LinkButton } from "../ui/controls";
import { notify } from "../ui/toasts";
import { ArchivedWorkspaces, WorkspaceFacts } from "./archived-workspaces";
import { FormDialog, missing, SearchedList, useSubmission } from "./parts";
import css from "./settings.module.css";

/** All workspaces of the instance. For superadmins. */
export function WorkspacesPage() {
  const workspaces = useQuery(workspacesQuery);
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.workspaces")}</h1>
        <Button look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newWorkspace")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.workspacesHint")}</p>
      <SearchedList
        label={t("settings.workspaces")}
        query={workspaces}
        keyOf={(each) => each.id}
        textOf={(each) => `${each.id} ${each.name} ${each.owner}`}
        empty={[t("settings.noWorkspaces"), t("settings.workspacesHint")]}
        row={(each) => (
          <>
            <WorkspaceFacts workspace={each} />
            <LinkButton
              to={`/w/${each.id}/settings/workspace`}
              aria-label={t("settings.settingsOf", { name: each.id })}
            >
              {t("settings.title")}
            </LinkButton>
          </>
        )}
      />
      <ArchivedWorkspaces />
      {creating && <NewWorkspaceDialog close={() => setCreating(false)} />}
    </main>
  );
}

function NewWorkspaceDialog({ close }: { close: () => void }) {
  const queries = useQueryClient();
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const submission = useSubmission(({ code }) => (code === "bad_request" || code === "already_exists" ? "id" : ""));
  const submit = async () => {
    if (!(await submission.send(() => createWorkspace(id.trim(), name.trim()), { id: missing(id) }))) return;
    notify(t("settings.createdWorkspace", { name: id.trim() }));
    close();
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workspaces"] }),
      queries.invalidateQueries({ queryKey: ["me"] }),
    ]);
  };
  return (
    <FormDialog
      title={t("settings.newWorkspace")}
      submitLabel={t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.workspaceId")} help={t("settings.workspaceIdHint")} error={submission.errors.id}>
        <Input value={id} spellCheck={false} onChange={(event) => setId(event.target.value)} />
      </Field>
      <Field label={t("settings.workspaceName")}>
        <Input value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
