import { useEditor } from "../../editor/context";
import { FilteredRuns } from "./page";
import css from "./runs.module.css";

/** Runs of the workflow on the page. */
export default function WorkflowRuns() {
  const workspace = useEditor((editor) => editor.workspace);
  const path = useEditor((editor) => editor.flow.path);
  return (
    <div className={css.page}>
      <FilteredRuns workspace={workspace} workflow={path} />
    </div>
  );
}
