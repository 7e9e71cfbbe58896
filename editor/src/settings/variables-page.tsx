import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createVariable, deleteVariable, updateVariable, type Variable, variableListQuery } from "../api/variables";
import { References } from "../references/references";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Icon } from "../ui/icon";
import { notify } from "../ui/toasts";
import { DeleteButton } from "./delete-button";
import { itemField, useItemPath } from "./item-path";
import { FormDialog, missing, Problem, SearchedList, useSubmission } from "./parts";
import { RowMenu } from "./row-menu";
import css from "./settings.module.css";

/** Variables and secrets of the workspace. */
export function VariablesPage() {
  const { workspace = "" } = useParams();
  const variables = useQuery(variableListQuery(workspace));
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.variables")}</h1>
        <Button look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newVariable")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.variablesHint")}</p>
      <SearchedList
        label={t("settings.variables")}
        query={variables}
        keyOf={(each) => each.path}
        textOf={(each) => `${each.path} ${each.description ?? ""} ${each.is_secret ? t("settings.secret") : ""}`}
        empty={[t("settings.noVariables"), t("settings.noVariablesHint")]}
        row={(each) => <VariableRow workspace={workspace} variable={each} />}
      />
      {creating && <VariableDialog workspace={workspace} variable={null} close={() => setCreating(false)} />}
    </main>
  );
}

function VariableRow({ workspace, variable }: { workspace: string; variable: Variable }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [editing, setEditing] = useState(false);
  const { path } = variable;
  const remove = async () => {
    await deleteVariable(workspace, path);
    await queries.invalidateQueries({ queryKey: ["variables", workspace] });
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{path}</span>
          {variable.is_secret && (
            <span className={css.chip}>
              <Icon name="key" size={12} /> {t("settings.secret")}
            </span>
          )}
        </span>
        <span className={css.facts}>
          {!variable.is_secret && <code>{variable.value}</code>}
          <span>{variable.description}</span>
        </span>
      </div>
      <div className={css.tools}>
        <Button icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name: path })}>
          {t("ui.edit")}
        </Button>
        <DeleteButton name={path} hint={t("settings.deleteValueHint")} submission={submission} remove={remove}>
          <References workspace={workspace} kind="variable" path={path} />
        </DeleteButton>
        <RowMenu workspace={workspace} kind="variable" path={path} />
      </div>
      <Problem text={submission.errors[""]} />
      {editing && <VariableDialog workspace={workspace} variable={variable} close={() => setEditing(false)} />}
    </>
  );
}

interface DialogProps {
  workspace: string;
  /** Null for a new variable. */
  variable: Variable | null;
  close: () => void;
}

/** Form of a variable. The value of a secret can be replaced but not read. */
function VariableDialog({ workspace, variable, close }: DialogProps) {
  const queries = useQueryClient();
  const taken = useQuery(variableListQuery(workspace)).data?.map((each) => each.path) ?? [];
  const created = useItemPath(workspace, new Set(taken));
  const submission = useSubmission(itemField);
  const stored = variable?.is_secret ?? false;
  const [secret, setSecret] = useState(stored);
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
    const save = () => (variable ? updateVariable(workspace, path, change) : createVariable(workspace, path, change));
    if (!(await submission.send(save, problems))) return;
    if (!variable) created.remember();
    notify(t("settings.saved", { name: path }));
    close();
    await queries.invalidateQueries({ queryKey: ["variables", workspace] });
  };
  return (
    <FormDialog
      title={variable ? t("settings.editItem", { name: variable.path }) : t("settings.newVariable")}
      submitLabel={variable ? t("ui.save") : t("settings.create")}
      submission={submission}
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
          <Input
            type="password"
            autoComplete="new-password"
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
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
