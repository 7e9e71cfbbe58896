import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createVariable, updateVariable, type Variable, variableListQuery } from "../api/variables";
import { t } from "../texts/settings";
import { Field, Input, SecretText } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { notify } from "../ui/toasts";
import { useBaseVersion } from "./base-version";
import { itemField, useItemPath } from "./item-path";
import { FormDialog, missing, useSubmission } from "./parts";
import css from "./settings.module.css";

interface DialogProps {
  workspace: string;
  /** Null for a new variable. */
  variable: Variable | null;
  /** A new variable is a secret unless the user changes that. */
  secret?: boolean;
  /** Folder that is selected first. */
  folder?: string;
  /** Id that is entered first. */
  name?: string;
  /** Receives the path of the saved variable. */
  done?: (path: string) => void;
  close: () => void;
}

/** Form of a variable. The value of a secret can be replaced but not read. */
export function VariableDialog({ workspace, variable, secret: isSecret = false, done, close, ...first }: DialogProps) {
  const queries = useQueryClient();
  const taken = useQuery(variableListQuery(workspace)).data?.map((each) => each.path) ?? [];
  const created = useItemPath(workspace, new Set(taken), first.folder, first.name);
  const submission = useSubmission(itemField);
  const version = useBaseVersion(variable?.version);
  const stored = variable?.is_secret ?? false;
  const [secret, setSecret] = useState(stored || isSecret);
  const [value, setValue] = useState(stored ? "" : (variable?.value ?? ""));
  const [description, setDescription] = useState(variable?.description ?? "");
  const { errors } = submission;
  const submit = async () => {
    const path = variable?.path ?? created.path;
    const change = { value: stored && value === "" ? undefined : value, is_secret: secret, description };
    const problems = {
      path: variable ? undefined : created.problem,
      value: stored && secret ? undefined : missing(value),
    };
    const save = () =>
      variable
        ? version.save((base) => updateVariable(workspace, path, change, base))
        : createVariable(workspace, path, change);
    if (!(await submission.send(save, problems))) return;
    if (!variable) created.remember();
    notify(t("settings.saved", { name: path }));
    close();
    done?.(path);
    await queries.invalidateQueries({ queryKey: ["variables", workspace] });
  };
  return (
    <FormDialog
      title={variable ? t("settings.editItem", { name: variable.path }) : t("settings.newVariable")}
      submitLabel={variable ? t("ui.save") : t("settings.create")}
      submission={submission}
      ready={variable !== null || created.ready}
      submit={submit}
      close={close}
    >
      {!variable && created.fields(errors.path)}
      <label className={css.check}>
        <input type="checkbox" checked={secret} onChange={(event) => setSecret(event.target.checked)} />
        <span>{t("settings.isSecret")}</span>
      </label>
      <Field
        label={t("settings.value")}
        help={stored && secret ? t("settings.keepSecret") : undefined}
        error={errors.value}
      >
        {secret ? (
          <SecretText text={value} set={setValue} />
        ) : (
          <textarea
            className={controls.input}
            spellCheck={false}
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("ui.description")}>
        <Input value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
