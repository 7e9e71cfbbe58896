import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteResource, type Resource, resourceListQuery } from "../api/resources";
import { References } from "../references/references";
import { useParams } from "../routing/hooks";
import { t, tWith } from "../texts/settings";
import { useReadOnly } from "../ui/access";
import { EditButton } from "../ui/access-buttons";
import { Time } from "../ui/time";
import { DeleteButton } from "./delete-button";
import { useNewItem } from "./new-item";
import { Problem, SearchedList, useSubmission } from "./parts";
import { EditResourceDialog, NewResourceDialog } from "./resource-dialog";
import { RowMenu } from "./row-menu";
import css from "./settings.module.css";

/** Resources of the workspace: access data of other systems, with a type each. */
export function ResourcesPage() {
  const { workspace = "" } = useParams();
  const resources = useQuery(resourceListQuery(workspace));
  const [creating, setCreating] = useState(false);
  const wanted = useNewItem();
  const readOnly = useReadOnly();
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.resources")}</h1>
        <EditButton look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newResource")}
        </EditButton>
      </div>
      <p className={css.about}>{t("settings.resourcesHint")}</p>
      <SearchedList
        label={t("settings.resources")}
        query={resources}
        keyOf={(each) => each.path}
        textOf={(each) => `${each.path} ${each.resource_type} ${each.description ?? ""}`}
        empty={[t("settings.noResources"), t("settings.noResourcesHint")]}
        row={(each) => <ResourceRow workspace={workspace} resource={each} />}
      />
      {(creating || (wanted.isAsked && !readOnly)) && (
        <NewResourceDialog
          workspace={workspace}
          folder={wanted.folder}
          name={wanted.name}
          firstType={wanted.type}
          close={() => {
            setCreating(false);
            wanted.end();
          }}
        />
      )}
    </main>
  );
}

function ResourceRow({ workspace, resource }: { workspace: string; resource: Resource }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const readOnly = useReadOnly();
  const [editing, setEditing] = useState(false);
  const { path } = resource;
  const remove = async () => {
    await deleteResource(workspace, path);
    await queries.invalidateQueries({ queryKey: ["resources", workspace] });
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{path}</span>
          <span className={css.chip}>{resource.resource_type}</span>
        </span>
        <span className={css.facts}>
          <span>{resource.description}</span>
          <span>{tWith("settings.edited", { time: <Time at={resource.edited_at} /> })}</span>
        </span>
      </div>
      <div className={css.tools}>
        <EditButton icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name: path })}>
          {t("ui.edit")}
        </EditButton>
        {!readOnly && (
          <DeleteButton name={path} hint={t("settings.deleteValueHint")} submission={submission} remove={remove}>
            <References workspace={workspace} kind="resource" path={path} />
          </DeleteButton>
        )}
        <RowMenu workspace={workspace} kind="resource" path={path} />
      </div>
      <Problem text={submission.errors[""]} />
      {editing && <EditResourceDialog workspace={workspace} path={path} close={() => setEditing(false)} />}
    </>
  );
}
