import { Link } from "../routing/link";
import { t } from "../texts/runs";
import { useReadOnly } from "../ui/access";
import { useRun } from "./context";

/** Link to the form of a node of the run in the editor; nothing for a run of a text that has no path. */
export function EditNode({ id }: { id: string }) {
  const { workspace, about } = useRun();
  const readOnly = useReadOnly();
  if (!about.workflow || !about.is_workflow) return null;
  const form = new URLSearchParams({ panel: "node", node: id });
  return (
    <Link to={`/w/${workspace}/workflows/${about.workflow}?${form}`}>
      {t(readOnly ? "runs.openNode" : "runs.editNode")}
    </Link>
  );
}
