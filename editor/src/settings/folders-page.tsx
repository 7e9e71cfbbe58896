import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createFolder, deleteFolder, type Folder, folderListQuery } from "../api/folders";
import { ownMemberQuery } from "../api/members";
import { principalsQuery } from "../api/options";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { DeleteButton } from "./delete-button";
import { accessOf, FolderDialog, LEVELS } from "./folder-dialog";
import { NewDialog } from "./new-dialog";
import { Problem, SearchedList, useSubmission } from "./parts";
import { RowMenu } from "./row-menu";
import css from "./settings.module.css";

const NEW = "";

/** Folders of the workspace with the members and groups that have access. */
export function FoldersPage() {
  const { workspace = "" } = useParams();
  const queries = useQueryClient();
  const me = useQuery(ownMemberQuery(workspace)).data;
  const folders = useQuery(folderListQuery(workspace));
  const [edited, setEdited] = useState<string | null>(null);
  const admin = me?.is_admin ?? false;
  const own = new Set([`u/${me?.username}`, ...(me?.groups ?? []).map((name) => `g/${name}`)]);
  const chosen = folders.data?.find((each) => each.name === edited);
  const create = async (name: string, summary: string) => {
    await createFolder(workspace, name, summary);
    await queries.invalidateQueries({ queryKey: ["places", workspace] });
  };
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.folders")}</h1>
        {admin && (
          <Button look="main" icon="plus" onClick={() => setEdited(NEW)}>
            {t("settings.newFolder")}
          </Button>
        )}
      </div>
      <p className={css.about}>{t("settings.foldersHint")}</p>
      <SearchedList
        label={t("settings.folders")}
        query={folders}
        keyOf={(each) => each.name}
        textOf={(each) => [each.name, each.summary, ...Object.keys(accessOf(each))].join(" ")}
        empty={[t("settings.noFolders"), t("settings.noFoldersHint")]}
        row={(each) => (
          <FolderRow
            workspace={workspace}
            folder={each}
            editable={admin || each.owners.some((owner) => own.has(owner))}
            edit={() => setEdited(each.name)}
          />
        )}
      />
      {edited === NEW && (
        <NewDialog title={t("settings.newFolder")} create={create} created={setEdited} close={() => setEdited(null)} />
      )}
      {chosen && <FolderDialog workspace={workspace} folder={chosen} close={() => setEdited(null)} />}
    </main>
  );
}

interface RowProps {
  workspace: string;
  folder: Folder;
  /** The user may change the folder. */
  editable: boolean;
  edit: () => void;
}

function FolderRow({ workspace, folder, editable, edit }: RowProps) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const principals = useQuery(principalsQuery(workspace)).data;
  const name = `f/${folder.name}`;
  const access = Object.entries(accessOf(folder));
  const unknown = access.map(([principal]) => principal).filter((each) => principals?.has(each) === false);
  const remove = async () => {
    await deleteFolder(workspace, folder.name);
    await queries.invalidateQueries({ queryKey: ["places", workspace] });
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{name}</span>
        {folder.summary && <span className={css.facts}>{folder.summary}</span>}
        <span className={css.facts}>
          {access.map(([principal, level]) => (
            <span key={principal} className={css.chip}>
              {t("settings.accessOf", { name: principal, level: LEVELS[level] })}
            </span>
          ))}
        </span>
        {unknown.length > 0 && (
          <p className={controls.warning}>{t("settings.unknownAccess", { names: unknown.join(", ") })}</p>
        )}
      </div>
      <div className={css.tools}>
        {editable && (
          <>
            <Button icon="edit" onClick={edit} aria-label={t("settings.editItem", { name })}>
              {t("ui.edit")}
            </Button>
            <DeleteButton name={name} hint={t("settings.deleteFolderHint")} submission={submission} remove={remove} />
          </>
        )}
        <RowMenu workspace={workspace} kind="folder" path={folder.name} />
      </div>
      <Problem text={submission.errors[""]} />
    </>
  );
}
