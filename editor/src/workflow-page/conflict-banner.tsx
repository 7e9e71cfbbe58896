import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { attempt } from "../actions/registry";
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
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/workflow-page";
import { Button } from "../ui/controls";
import css from "../ui/editor-page.module.css";
import type { Part } from "../workflow/merge";

const MergeDialog = lazyComponent(() => import("../conflicts/merge-dialog"));

/** Notice that another page has saved the draft (`conflict`), or that a newer version was deployed. */
export default function ConflictBanner({ conflict }: { conflict: boolean }) {
  const store = useEditorStore();
  const queries = useQueryClient();
  const unreadable = useEditor((editor) => editor.pending !== null);
  const [merging, setMerging] = useState<{ other: OtherSide; parts: Part[] } | null>(null);
  const other = () => (conflict ? otherDraft(store) : otherVersion(store, queries));
  const ask = async () => {
    const found = await other();
    setMerging({ other: found, parts: conflictingParts(store, found) });
  };
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
        <MergeDialog
          them={merging.other.them}
          parts={merging.parts}
          close={() => setMerging(null)}
          done={(choices) => {
            merge(store, merging.other, merging.parts, choices);
            setMerging(null);
          }}
        />
      )}
    </div>
  );
}
