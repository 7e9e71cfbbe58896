import { attempt } from "../actions/registry";
import { consent } from "../api/runs";
import { useEditor } from "../editing/context";
import { Button } from "../ui/controls";
import { say } from "../ui/toasts";
import { useRun } from "./context";
import css from "./page.module.css";

/** Buttons of an approval that waits at the top level. */
export function Decide({ id }: { id: string }) {
  const { workspace, id: run } = useRun();
  const waits = useEditor(
    (editor) =>
      editor.live?.nodes[id]?.waits?.some((wait) => wait.code === "approval" || wait.code === "suspended") ?? false,
  );
  if (!waits) return null;
  const decide = (approved: boolean) =>
    attempt(async () => {
      await consent(workspace, run, id, approved);
      say(approved ? `Approved: ${id} goes on.` : `Rejected: ${id}.`);
    });
  return (
    <div className={css.buttons}>
      <Button look="main" icon="check" onClick={() => decide(true)}>
        Approve
      </Button>
      <Button icon="cross" onClick={() => decide(false)}>
        Reject
      </Button>
    </div>
  );
}
