import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import {
  deleteEnvironment,
  type Environment,
  environmentsQuery,
  openRequestsQuery,
  updateEnvironment,
} from "../api/environments";
import { meQuery } from "../api/session";
import { errorText, settingConflict } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { notify, notifyError } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import { EnvironmentFields, type EnvironmentValues } from "./environment-fields";
import css from "./environments.module.css";

/** Buttons that change and delete an environment. For superadmins. */
export function EnvironmentActions({ environment }: { environment: Environment }) {
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = async () => {
    try {
      await deleteEnvironment(environment.name);
      notify(t("environments.deleted", { name: environment.name }));
      await navigate(`/w/${environment.workspace}/environments`);
      await refresh(queries);
    } catch (error) {
      notifyError(error);
    }
  };
  if (!superAdmin) return null;
  return (
    <div className={css.tools}>
      <Button onClick={() => setEditing(true)}>{t("environments.edit")}</Button>
      <Button look="danger" onClick={() => setDeleting(true)}>
        {t("environments.delete")}
      </Button>
      {editing && <EditEnvironment environment={environment} close={() => setEditing(false)} />}
      {deleting && <DeleteDialog environment={environment} remove={remove} close={() => setDeleting(false)} />}
    </div>
  );
}

interface DeleteProps {
  environment: Environment;
  remove: () => Promise<void>;
  close: () => void;
}

/** Dialog that deletes an environment once its name was typed. */
function DeleteDialog({ environment: { name, workspace }, remove, close }: DeleteProps) {
  const [typed, setTyped] = useState("");
  const open = useQuery(openRequestsQuery(workspace)).data?.length ?? 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    close();
    void remove();
  };
  return (
    <Dialog title={t("environments.deleteQuestion", { name })} close={close}>
      <form className={css.form} onSubmit={submit}>
        <p className={dialogCss.description}>{t("environments.deleteHint", { workspace })}</p>
        {open > 0 && <p className={css.warning}>{t("environments.openCount", { count: open })}</p>}
        <Field label={t("environments.typeToDelete", { name })}>
          <Input value={typed} spellCheck={false} onChange={(event) => setTyped(event.target.value)} />
        </Field>
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="danger" type="submit" disabled={typed !== name}>
            {t("environments.delete")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

async function refresh(queries: ReturnType<typeof useQueryClient>): Promise<void> {
  await Promise.all(["environments", "environment", "me"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

function EditEnvironment({ environment, close }: { environment: Environment; close: () => void }) {
  const queries = useQueryClient();
  const others = (useQuery(environmentsQuery).data ?? []).filter(({ name }) => name !== environment.name);
  const { name, position, color, rules } = environment;
  // The version that the form shows: the page may load a newer one meanwhile.
  const [base] = useState(environment.version);
  const [values, setValues] = useState<EnvironmentValues>({ position, color, rules });
  const saving = useMutation({
    mutationFn: () => updateEnvironment(name, { ...values, base_version: base }),
    onSuccess: async () => {
      notify(t("environments.saved", { name }));
      close();
      await refresh(queries);
    },
  });
  const conflict = saving.isError ? settingConflict(saving.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate();
  };
  return (
    <Dialog title={t("environments.editOf", { name })} close={close}>
      <form className={css.form} onSubmit={submit}>
        <EnvironmentFields workspace={environment.workspace} values={values} set={setValues} others={others} />
        {saving.isError && (
          <p role="alert">
            {conflict
              ? t("environments.changedMeanwhile", { rules: JSON.stringify(conflict.theirs) })
              : withCode(errorText(saving.error))}
          </p>
        )}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={saving.isPending}>
            {t("ui.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
