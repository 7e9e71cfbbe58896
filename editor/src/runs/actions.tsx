import { useState } from "react";
import { cancelRun } from "../api/runs";
import { useEditor } from "../editing/context";
import { ENDED } from "../lib/state";
import { Button } from "../ui/controls";
import { complain, say } from "../ui/toasts";
import { RerunDialog } from "./again/rerun";
import { RestartDialog } from "./again/restart";
import { useRun } from "./context";

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
      say(cancelling ? "Cancelled at once: no worker was waited for." : "It is being cancelled: its workers are told.");
    } catch (error) {
      complain(error);
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
