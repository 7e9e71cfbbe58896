import { useQueryClient } from "@tanstack/react-query";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { archiveFlow, flowQuery } from "../api/flows";
import { useEditor, useEditorStore } from "../editor/context";
import { isChanged } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/workflow-page";
import { EditButton } from "../ui/access-buttons";
import css from "../ui/editor-page.module.css";
import { notify } from "../ui/toasts";

const ConflictBanner = lazyComponent(() => import("./conflict-banner"));

/** Notices about the draft: its workflow is deleted or archived, or others have saved or deployed meanwhile. */
export function Banner() {
  const gone = useEditor((editor) => editor.flow.version_id === null && editor.base !== null);
  const archived = useEditor((editor) => editor.flow.archived);
  const conflict = useEditor((editor) => editor.draft.state === "conflict");
  const behind = useEditor((editor) => !editor.readOnly && editor.base !== editor.flow.version_id && isChanged(editor));
  if (gone) return <DeletedBanner />;
  return (
    <>
      {archived && <ArchivedBanner />}
      {(conflict || behind) && <ConflictBanner conflict={conflict} />}
    </>
  );
}

function DeletedBanner() {
  return (
    <div className={css.banner} role="alert">
      <span>{t("workflow-page.deleted")}</span>
      <ActionButton name="deploy" words main />
    </div>
  );
}

function ArchivedBanner() {
  const store = useEditorStore();
  const queries = useQueryClient();
  const bringBack = async () => {
    const { workspace, flow } = store.getState();
    await archiveFlow(workspace, flow.path, false);
    store.setState({ flow: { ...flow, archived: false } });
    queries.removeQueries({ queryKey: flowQuery(workspace, flow.path).queryKey });
    notify(t("workflow-page.restored"));
  };
  return (
    <div className={css.banner} role="status">
      <span>{t("workflow-page.archived")}</span>
      <EditButton icon="undo" onClick={() => attempt(bringBack)}>
        {t("workflow-page.restore")}
      </EditButton>
    </div>
  );
}
