import { useState } from "react";
import { cancelRun } from "../api/runs";
import { useEditor } from "../editor/context";
import { isStatusKnown } from "../editor/run-watch";
import { lazyComponent } from "../lib/lazy-component";
import { ENDED } from "../lib/status";
import { t } from "../texts/runs";
import { EditButton, RunButton } from "../ui/access-buttons";
import { Button } from "../ui/controls";
import { notify, notifyError } from "../ui/toasts";
import { useRun } from "./context";
import { RerunDialog } from "./restart/rerun-dialog";
import { RestartDialog } from "./restart/restart-dialog";

const RecordDialog = lazyComponent(() => import("../workflow-tests/record-dialog"));

/** Actions of a run: cancel, retry, run again. */
export function RunActions() {
  const { workspace, id, about } = useRun();
  const [asking, setAsking] = useState<"retry" | "rerun" | "test" | null>(null);
  const status = useEditor((editor) => editor.live?.status ?? "queued");
  const known = useEditor((editor) => isStatusKnown(editor.live));
  const cancelling = useEditor((editor) => editor.live?.graph?.canceled ?? false);
  const over = ENDED.has(status);
  const cancel = async () => {
    try {
      await cancelRun(workspace, id, cancelling);
      notify(t(cancelling ? "runs.forceCancelled" : "runs.cancelStarted"));
    } catch (error) {
      notifyError(error);
    }
  };
  const dry = about.trigger === "dry_run";
  // A run that reuses results has no answers of its own for them.
  const isRecordable = about.is_workflow && (!about.repeats || about.repeats.kind === "rerun");
  const restarts = !dry && (status === "failed" || status === "cancelled");
  // No node of a cancelled run need have failed: those that had not ended run again.
  const retryLabel = t(status === "cancelled" ? "runs.continueCancelled" : "runs.retryFailed");
  return (
    <>
      {known && !over && (
        <Button look="danger" icon="stop" onClick={() => void cancel()}>
          {t(cancelling ? "runs.forceCancel" : "runs.cancelRun")}
        </Button>
      )}
      {restarts && about.is_workflow && (
        <RunButton look="main" onClick={() => setAsking("retry")}>
          {retryLabel}
        </RunButton>
      )}
      {over && status !== "cancelled" && about.workflow && about.version && isRecordable && (
        <EditButton icon="check" onClick={() => setAsking("test")}>
          {t("runs.keepAsTest")}
        </EditButton>
      )}
      {!dry && (
        <RunButton icon="redo" onClick={() => setAsking("rerun")}>
          {t("runs.runAgainForm")}
        </RunButton>
      )}
      {asking === "retry" && <RestartDialog title={retryLabel} point={null} close={() => setAsking(null)} />}
      {asking === "test" && about.workflow && (
        <RecordDialog workspace={workspace} run={id} path={about.workflow} close={() => setAsking(null)} />
      )}
      {asking === "rerun" && <RerunDialog close={() => setAsking(null)} />}
    </>
  );
}
