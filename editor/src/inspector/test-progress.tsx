import { attempt } from "../actions/registry";
import { cancelRun, fetchResult } from "../api/runs";
import { NodeDecision } from "../approvals/node-decision";
import { useEditor } from "../editor/context";
import { isRunOver, waitingApprovals } from "../editor/run-watch";
import type { LiveRun } from "../editor/store";
import { t } from "../texts/inspector";
import { Button, LinkButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { ResultSection } from "./node-data";

/** Error of a test in which the node `id` did not fail, link to its run, button to cancel it, and its open approvals. */
export function TestProgress({ live, id }: { live: LiveRun; id: string }) {
  const workspace = useEditor((editor) => editor.workspace);
  return (
    <>
      {live.status === "failed" && live.nodes[id]?.status !== "failed" && (
        <ResultSection label={t("inspector.testResult")} run={live.id} ask={fetchResult} failed />
      )}
      <div className={css.buttons}>
        <LinkButton look="quiet" icon="next" to={`/w/${workspace}/runs/${live.id}`}>
          {t("inspector.openRun")}
        </LinkButton>
        {!isRunOver(live) && (
          <Button look="danger" icon="stop" onClick={() => attempt(() => cancelRun(workspace, live.id))}>
            {t("inspector.cancelRun")}
          </Button>
        )}
      </div>
      {!isRunOver(live) &&
        waitingApprovals(live).map((node) => (
          <section key={node} className={css.section} aria-label={t("inspector.awaitingApproval", { node })}>
            <h3>{t("inspector.awaitingApproval", { node })}</h3>
            <NodeDecision workspace={workspace} run={live.id} id={node} />
          </section>
        ))}
    </>
  );
}
