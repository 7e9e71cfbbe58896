import { attempt } from "../actions/registry";
import { cancelRun } from "../api/runs";
import { NodeDecision } from "../approvals/node-decision";
import { useEditor } from "../editor/context";
import { isRunOver, waitingApprovals } from "../editor/run-watch";
import type { LiveRun } from "../editor/store";
import { t } from "../texts/inspector";
import { Button, LinkButton } from "../ui/controls";
import css from "../ui/panel.module.css";

/** Link to the run of a test, a button to cancel it, and the approvals that it waits for. */
export function TestProgress({ live }: { live: LiveRun }) {
  const workspace = useEditor((editor) => editor.workspace);
  return (
    <>
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
        waitingApprovals(live).map((id) => (
          <section key={id} className={css.section} aria-label={t("inspector.awaitingApproval", { node: id })}>
            <h3>{t("inspector.awaitingApproval", { node: id })}</h3>
            <NodeDecision workspace={workspace} run={live.id} id={id} />
          </section>
        ))}
    </>
  );
}
