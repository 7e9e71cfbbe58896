import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { createEnvironment, type Environment } from "../api/environments";
import { workspacesQuery } from "../api/workspaces";
import { errorText } from "../lib/api-error";
import { t } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import { EnvironmentFields, type EnvironmentValues } from "./environment-fields";
import css from "./environments.module.css";

const COLOR = "#5b6b7a";

interface Props {
  /** The present environments in the order of the pipeline. */
  environments: readonly Environment[];
  close: () => void;
}

/** Dialog that creates an environment. For superadmins. */
export function NewEnvironment({ environments, close }: Props) {
  const queries = useQueryClient();
  const workspaces = useQuery(workspacesQuery).data ?? [];
  const free = workspaces.filter(({ id }) => id !== "admins" && environments.every((each) => each.workspace !== id));
  const [name, setName] = useState("");
  const [chosen, setWorkspace] = useState<string | null>(null);
  const [values, setValues] = useState<EnvironmentValues>({
    position: environments.length + 1,
    color: COLOR,
    rules: {},
  });
  const workspace = chosen ?? free[0]?.id ?? "";
  const creating = useMutation({
    mutationFn: () => createEnvironment({ name: name.trim(), workspace, ...values }),
    onSuccess: async () => {
      notify(t("environments.created", { name: name.trim() }));
      close();
      await Promise.all(
        ["environments", "environment", "me"].map((key) => queries.invalidateQueries({ queryKey: [key] })),
      );
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    creating.mutate();
  };
  return (
    <Dialog title={t("environments.newEnvironment")} close={close}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("ui.name")} help={t("environments.nameHint")}>
          <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Field label={t("environments.workspace")} help={t("environments.workspaceHint")}>
          <Select value={workspace} set={setWorkspace}>
            {free.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </Select>
        </Field>
        <EnvironmentFields workspace={workspace} values={values} set={setValues} others={environments} />
        {creating.isError && <p role="alert">{withCode(errorText(creating.error))}</p>}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={creating.isPending || !name.trim() || !workspace}>
            {t("environments.createEnvironment")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
