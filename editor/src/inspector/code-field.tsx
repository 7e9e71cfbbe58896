import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "../actions/button";
import { valueQuery } from "../api/runs";
import { LazyCode } from "../code/lazy-code";
import { useDiagnostics } from "../code/use-diagnostics";
import { useEditor } from "../editor/context";
import { nodeStateOf } from "../editor/run-watch";
import type { Editor } from "../editor/store";
import { t } from "../texts/inspector";
import { Button, IconButton } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import css from "../ui/panel.module.css";
import { at, type Json, text } from "../workflow/types";

interface Props {
  node: string;
  label: string;
  value: Json | undefined;
  set: (next: string) => void;
}

/** The code of a node, with the lines of its syntax error and of the error of the last test. */
export function CodeField({ node, label, value, set }: Props) {
  const language = useEditor((editor) => editor.graph.byId.get(node)?.language ?? "");
  const workspace = useEditor((editor) => editor.workspace);
  const job = useEditor((editor) => failedJob(editor, node));
  const failed = useQuery({ ...valueQuery(workspace, job ?? "", "output"), enabled: job !== null });
  const faults = useDiagnostics(workspace, language, text(value), job === null ? undefined : (failed.data as Json));
  const [full, setFull] = useState(false);
  const code = { label, language, text: text(value), changed: set, lines: 12, numbers: true, diagnostics: faults };
  return (
    <div className={css.expandable}>
      <LazyCode {...code} />
      <p className={css.leaveHint}>{t("inspector.leaveCode")}</p>
      <IconButton label={t("inspector.expandCode")} icon="expand" onClick={() => setFull(true)} />
      {full && (
        <Dialog title={t("inspector.codeOf", { node })} full close={() => setFull(false)}>
          <div className={css.fullCode} data-tests="node">
            <LazyCode {...code} />
          </div>
          <div className={dialogCss.foot}>
            <ActionButton name="test-node" words />
            <Button onClick={() => setFull(false)}>{t("ui.close")}</Button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

/** Return the job in which a node failed with its current code, null if there is none. */
function failedJob(editor: Editor, node: string): string | null {
  const state = nodeStateOf(editor, node);
  if (state?.status !== "failed" || !state.job) return null;
  const path = [...(editor.graph.byId.get(node)?.path ?? []), "value", "content"];
  return at(editor.live?.tree, path) === at(editor.tree, path) ? state.job : null;
}
