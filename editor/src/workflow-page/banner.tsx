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
import { Button } from "../ui/controls";
import css from "../ui/editor-page.module.css";
import { notify } from "../ui/toasts";
import type { Part } from "../workflow/merge";

const MergeDialog = lazy(() => import("../conflicts/merge-dialog"));

/** What somebody must know of the draft: what it changes is gone or archived, or others have saved or deployed too. */
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
      <span>
        This workflow was deleted. Your draft is still here: deploy it as a new workflow at this path, or discard it.
      </span>
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
    notify("It is back.");
  };
  return (
    <div className={css.banner} role="status">
      <span>This workflow is archived: it does not run and is not listed. Deploying it brings it back too.</span>
      <Button icon="undo" onClick={() => attempt(bringBack)}>
        Bring it back
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
      <span>
        {conflict
          ? "Another page has saved this draft. Nothing of yours is lost: merge them, or choose which one goes on."
          : "Somebody has deployed since this draft was begun. Merge it with that version, or choose which one goes on."}
      </span>
      <Button onClick={() => attempt(async () => takeTheirs(store, await other()))}>
        {conflict ? "Take the other one" : "Take what is deployed"}
      </Button>
      <Button onClick={() => attempt(async () => keepMine(store, await other()))}>Keep this one</Button>
      <Button look="main" disabled={unreadable} onClick={() => attempt(ask)}>
        Merge …
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
