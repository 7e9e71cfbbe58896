import { useQuery } from "@tanstack/react-query";
import { useEditor, useEditorStore } from "../editor/context";
import { loadLastResults } from "../editor/last-results";
import { t } from "../texts/inspector";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import type { Edge } from "../workflow/outline";
import { AnnotationForm, isAnnotation } from "./annotation-form";
import { EditableForm } from "./editable-form";
import { EdgeRow } from "./node-form";
import { NodePanel } from "./node-panel";
import { WorkflowForm } from "./workflow-form";

/** The form of the selected item: a node, an edge, a note, a group, otherwise the workflow. */
export function Inspector() {
  const node = useEditor((editor) => editor.graph.byId.get(editor.selection.at(-1) ?? ""));
  const edge = useEditor((editor) => editor.edge);
  const chosen = useEditor((editor) => editor.selection.at(-1) ?? "");
  useLastRun();
  if (node && !edge && !isAnnotation(chosen)) return <NodePanel node={node} />;
  return <EditableForm>{edge ? <EdgeForm edge={edge} /> : <OtherForm chosen={chosen} />}</EditableForm>;
}

const OtherForm = ({ chosen }: { chosen: string }) =>
  isAnnotation(chosen) ? <AnnotationForm chosen={chosen} /> : <WorkflowForm />;

/** Load the last run and its results once while the page is open. */
function useLastRun(): void {
  const store = useEditorStore();
  const { workspace, flow } = store.getState();
  useQuery({
    queryKey: ["last-run", workspace, flow.path],
    queryFn: () => loadLastResults(store),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

function EdgeForm({ edge }: { edge: Edge }) {
  return (
    <div className={css.pane}>
      <div className={css.head}>
        <Icon name="link" size={18} />
        <h2>{t("inspector.edge", { from: edge.from, to: edge.to })}</h2>
      </div>
      <EdgeRow edge={edge} />
    </div>
  );
}
