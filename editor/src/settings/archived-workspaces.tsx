import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { meQuery } from "../api/session";
import { archivedWorkspacesQuery, deleteWorkspace, unarchiveWorkspace, type Workspace } from "../api/workspaces";
import { useNavigate, useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import { FormDialog, Loaded, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Workspace that the first start of an instance creates. */
const ADMINS = "admins";

/** Archived workspaces that the user administers, with buttons that unarchive and, for superadmins, delete them. */
export function ArchivedWorkspaces() {
  const archived = useQuery(archivedWorkspacesQuery);
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  if (archived.data?.length === 0) return null;
  return (
    <section className={css.section} aria-labelledby="archived">
      <h2 id="archived">{t("settings.archivedWorkspaces")}</h2>
      <Loaded query={archived} />
      <Rows
        label={t("settings.archivedWorkspaces")}
        items={archived.data ?? []}
        keyOf={(each) => each.id}
        row={(each) => <ArchivedRow workspace={each} superAdmin={superAdmin} />}
      />
    </section>
  );
}

/** Name, id and owner of a workspace. */
export function WorkspaceFacts({ workspace }: { workspace: Workspace }) {
  return (
    <div className={css.what}>
      <span className={css.name}>{workspace.name}</span>
      <span className={css.facts}>
        <code>{workspace.id}</code>
        <span>{t("settings.ownedBy", { owner: workspace.owner })}</span>
      </span>
      {workspace.id === ADMINS && <span className={css.note}>{t("settings.adminsHint")}</span>}
    </div>
  );
}

function ArchivedRow({ workspace, superAdmin }: { workspace: Workspace; superAdmin: boolean }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [deleting, setDeleting] = useState(false);
  const { id } = workspace;
  const unarchive = async () => {
    if (await submission.send(() => unarchiveWorkspace(id))) notify(t("settings.unarchivedWorkspace", { name: id }));
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workspaces"] }),
      queries.invalidateQueries({ queryKey: ["me"] }),
    ]);
  };
  return (
    <>
      <WorkspaceFacts workspace={workspace} />
      <div className={css.tools}>
        <Button
          disabled={submission.busy}
          onClick={() => void unarchive()}
          aria-label={t("settings.unarchiveNamed", { name: id })}
        >
          {t("settings.unarchive")}
        </Button>
        {superAdmin && (
          <Button look="danger" onClick={() => setDeleting(true)} aria-label={t("settings.deleteItem", { name: id })}>
            {t("ui.delete")}
          </Button>
        )}
      </div>
      <Problem text={submission.errors[""]} />
      {deleting && <DeleteDialog id={id} close={() => setDeleting(false)} />}
    </>
  );
}

function DeleteDialog({ id, close }: { id: string; close: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { workspace: current } = useParams();
  const submission = useSubmission();
  const [typed, setTyped] = useState("");
  const submit = async () => {
    const problems = { id: typed === id ? undefined : t("settings.typeToDelete", { name: id }) };
    if (!(await submission.send(() => deleteWorkspace(id, typed), problems))) return;
    notify(t("settings.deleted", { name: id }));
    close();
    // The home page leads to another workspace.
    if (current === id) await navigate("/", { replace: true });
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workspaces"] }),
      queries.invalidateQueries({ queryKey: ["me"] }),
    ]);
  };
  return (
    <FormDialog
      title={t("settings.deleteItem", { name: id })}
      submitLabel={t("ui.delete")}
      look="danger"
      submission={submission}
      submit={submit}
      close={close}
    >
      <p>{t("settings.deleteWorkspaceHint")}</p>
      <Field label={t("settings.typeToDelete", { name: id })} error={submission.errors.id}>
        <Input value={typed} spellCheck={false} onChange={(event) => setTyped(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
