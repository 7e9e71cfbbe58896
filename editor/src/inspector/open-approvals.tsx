import { NodeDecision } from "../approvals/node-decision";
import { useEditor } from "../editor/context";
import { isRunOver, waitingApprovals } from "../editor/run-watch";
import type { LiveRun } from "../editor/store";
import { t } from "../texts/inspector";
import css from "../ui/panel.module.css";

/** The approvals that a test waits for, with their forms. */
export function OpenApprovals({ live }: { live: LiveRun }) {
  const workspace = useEditor((editor) => editor.workspace);
  if (isRunOver(live)) return null;
  return waitingApprovals(live).map((node) => (
    <section key={node} className={css.section} aria-label={t("inspector.awaitingApproval", { node })}>
      <h3>{t("inspector.awaitingApproval", { node })}</h3>
      <NodeDecision workspace={workspace} run={live.id} id={node} />
    </section>
  ));
}
