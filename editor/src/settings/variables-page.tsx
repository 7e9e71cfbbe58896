import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteVariable, type Variable, variableListQuery } from "../api/variables";
import { References } from "../references/references";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { useReadOnly } from "../ui/access";
import { EditButton } from "../ui/access-buttons";
import { Icon } from "../ui/icon";
import { DeleteButton } from "./delete-button";
import { useNewItem } from "./new-item";
import { Problem, SearchedList, useSubmission } from "./parts";
import { RowMenu } from "./row-menu";
import css from "./settings.module.css";
import { VariableDialog } from "./variable-dialog";

/** Variables and secrets of the workspace. */
export function VariablesPage() {
  const { workspace = "" } = useParams();
  const variables = useQuery(variableListQuery(workspace));
  const [creating, setCreating] = useState(false);
  const wanted = useNewItem();
  const readOnly = useReadOnly();
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.variables")}</h1>
        <EditButton look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newVariable")}
        </EditButton>
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
      {(creating || (wanted.isAsked && !readOnly)) && (
        <VariableDialog
          workspace={workspace}
          variable={null}
          folder={wanted.folder}
          name={wanted.name}
          close={() => {
            setCreating(false);
            wanted.end();
          }}
        />
      )}
    </main>
  );
}

function VariableRow({ workspace, variable }: { workspace: string; variable: Variable }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const readOnly = useReadOnly();
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
        <EditButton icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name: path })}>
          {t("ui.edit")}
        </EditButton>
        {!readOnly && (
          <DeleteButton name={path} hint={t("settings.deleteValueHint")} submission={submission} remove={remove}>
            <References workspace={workspace} kind="variable" path={path} />
          </DeleteButton>
        )}
        <RowMenu workspace={workspace} kind="variable" path={path} />
      </div>
      <Problem text={submission.errors[""]} />
      {editing && <VariableDialog workspace={workspace} variable={variable} close={() => setEditing(false)} />}
    </>
  );
}
