import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { archiveFlow, flowQuery } from "../api/flows";
import {
  conflictingParts,
  keepMine,
  merge,
  type OtherSide,
  otherDraft,
  otherVersion,
  takeTheirs,
} from "../editor/conflict";
import { useEditor, useEditorStore } from "../editor/context";
import { isChanged } from "../editor/store";
import { t } from "../texts/workflow-page";
import { Button } from "../ui/controls";
import css from "../ui/editor-page.module.css";
import { notify } from "../ui/toasts";
import type { Part } from "../workflow/merge";

const MergeDialog = lazy(() => import("../conflicts/merge-dialog"));

/** Notices about the draft: its workflow is deleted or archived, or others have saved or deployed meanwhile. */
export function Banner() {
  const gone = useEditor((editor) => editor.flow.version_id === null && editor.base !== null);
  const archived = useEditor((editor) => editor.flow.archived);
  if (gone) return <DeletedBanner />;
  return (
    <>
      {archived && <ArchivedBanner />}
      <ConflictBanner />
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
      <Button icon="undo" onClick={() => attempt(bringBack)}>
        {t("workflow-page.restore")}
      </Button>
    </div>
  );
}

function ConflictBanner() {
  const store = useEditorStore();
  const queries = useQueryClient();
  const conflict = useEditor((editor) => editor.draft.state === "conflict");
  const behind = useEditor((editor) => editor.base !== editor.flow.version_id && isChanged(editor));
  const unreadable = useEditor((editor) => editor.pending !== null);
  const [merging, setMerging] = useState<{ other: OtherSide; parts: Part[] } | null>(null);
  const other = () => (conflict ? otherDraft(store) : otherVersion(store, queries));
  const ask = async () => {
    const found = await other();
    setMerging({ other: found, parts: conflictingParts(store, found) });
  };
  if (!conflict && !behind) return null;
  return (
    <div className={css.banner} role="alert">
      <span>{conflict ? t("workflow-page.conflict") : t("workflow-page.behind")}</span>
      <Button onClick={() => attempt(async () => takeTheirs(store, await other()))}>
        {conflict ? t("workflow-page.useOther") : t("workflow-page.useDeployed")}
      </Button>
      <Button onClick={() => attempt(async () => keepMine(store, await other()))}>{t("workflow-page.keepThis")}</Button>
      <Button look="main" disabled={unreadable} onClick={() => attempt(ask)}>
        {t("workflow-page.merge")}
      </Button>
      {merging && (
        <Suspense>
          <MergeDialog
            them={merging.other.them}
            parts={merging.parts}
            close={() => setMerging(null)}
            done={(choices) => {
              merge(store, merging.other, merging.parts, choices);
              setMerging(null);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}
