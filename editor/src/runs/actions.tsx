import { useState } from "react";
import { cancelRun } from "../api/runs";
import { useEditor } from "../editor/context";
import { ENDED } from "../lib/status";
import { Button } from "../ui/controls";
import { notify, notifyError } from "../ui/toasts";
import { useRun } from "./context";
import { RerunDialog } from "./restart/rerun-dialog";
import { RestartDialog } from "./restart/restart-dialog";

/** What can be done with the run: each asks the API and says what it did. */
export function RunActions() {
  const { workspace, id, about } = useRun();
  const [asking, setAsking] = useState<"retry" | "rerun" | null>(null);
  const status = useEditor((editor) => editor.live?.status ?? "queued");
  const cancelling = useEditor((editor) => editor.live?.graph?.canceled ?? false);
  const over = ENDED.has(status);
  const cancel = async () => {
    try {
      await cancelRun(workspace, id, cancelling);
      notify(cancelling ? "Run cancelled without waiting for its workers." : "Cancelling the run…");
    } catch (error) {
      notifyError(error);
    }
  };
  const failed = status === "failed" || status === "cancelled";
  return (
    <>
      {!over && (
        <Button look="danger" icon="stop" onClick={() => void cancel()}>
          {cancelling ? "Force cancel" : "Cancel"}
        </Button>
      )}
      {failed && about.is_workflow && (
        <Button look="main" icon="play" onClick={() => setAsking("retry")}>
          Retry from the failed node
        </Button>
      )}
      <Button icon="redo" onClick={() => setAsking("rerun")}>
        Run again …
      </Button>
      {asking === "retry" && (
        <RestartDialog title="Retry from where it failed" point={null} close={() => setAsking(null)} />
      )}
      {asking === "rerun" && <RerunDialog close={() => setAsking(null)} />}
    </>
  );
}
