import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editing/context";
import { differing, goOn, merge, type Other, otherDraft, otherVersion, take } from "../editing/overtaken";
import { isChanged } from "../editing/store";
import { Button } from "../ui/controls";
import type { Part } from "../workflow/merge";
import css from "./workflow.module.css";

const MergeDialog = lazy(() => import("../merging/dialog"));

/** What somebody must know of the draft: another page has saved it, or somebody has deployed since it was begun. */
export function Banner() {
  const store = useEditorStore();
  const queries = useQueryClient();
  const conflict = useEditor((editor) => editor.draft.state === "conflict");
  const behind = useEditor((editor) => editor.base !== editor.flow.version_id && isChanged(editor));
  const unreadable = useEditor((editor) => editor.pending !== null);
  const [merging, setMerging] = useState<{ other: Other; parts: Part[] } | null>(null);
  const other = () => (conflict ? otherDraft(store) : otherVersion(store, queries));
  const ask = async () => {
    const found = await other();
    setMerging({ other: found, parts: differing(store, found) });
  };
  if (!conflict && !behind) return null;
  return (
    <div className={css.banner} role="alert">
      <span>
        {conflict
          ? "Another page has saved this draft. Nothing of yours is lost: merge them, or choose which one goes on."
          : "Somebody has deployed since this draft was begun. Merge it with that version, or choose which one goes on."}
      </span>
      <Button onClick={() => attempt(async () => take(store, await other()))}>
        {conflict ? "Take the other one" : "Take what is deployed"}
      </Button>
      <Button onClick={() => attempt(async () => goOn(store, await other()))}>Keep this one</Button>
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
