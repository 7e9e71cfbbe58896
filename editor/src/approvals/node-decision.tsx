import { useQuery } from "@tanstack/react-query";
import { useShallow } from "zustand/react/shallow";
import { attempt } from "../actions/registry";
import { approvalsOf, approvalsQuery, type WaitingApproval } from "../api/approvals";
import { decideApproval } from "../api/runs";
import { useEditor } from "../editor/context";
import { awaitsApproval, nodeStateOf } from "../editor/run-watch";
import type { Editor } from "../editor/store";
import css from "../runs/page.module.css";
import { t } from "../texts/approvals";
import { Button } from "../ui/controls";
import { notify } from "../ui/toasts";
import { nodeName } from "../workflow/node-name";
import own from "./approvals.module.css";
import { DecisionForm } from "./card";
import { confirmRejection } from "./confirm-rejection";
import { ApprovalRequest } from "./request";

interface Props {
  workspace: string;
  run: string;
  id: string;
}

/** Open approvals of a node: that of the shown iteration, or, if none is shown, those of all iterations. */
export function NodeDecision(props: Props) {
  const { id } = props;
  const { isWaiting, job } = useEditor(
    useShallow((editor: Editor) => {
      const state = nodeStateOf(editor, id);
      const isOpen = state !== undefined && state.status !== "pending" && state.status !== "succeeded";
      return { isWaiting: isOpen && awaitsApproval(state), job: state?.job ?? null };
    }),
  );
  return isWaiting ? <PendingApprovals {...props} job={job} /> : null;
}

function PendingApprovals({ workspace, run, id, job }: Props & { job: string | null }) {
  const inbox = useQuery(approvalsQuery(workspace));
  const found = approvalsOf(inbox.data ?? [], run, id, job);
  if (inbox.isPending || (found.length === 0 && inbox.isFetching)) return null;
  if (found.length === 0) return <DecisionButtons workspace={workspace} run={run} id={id} job={job} />;
  return found.map((approval) => <PendingApproval key={approval.job} workspace={workspace} approval={approval} />);
}

function PendingApproval({ workspace, approval }: { workspace: string; approval: WaitingApproval }) {
  return (
    <>
      <ApprovalRequest approval={approval} />
      {approval.mine ? (
        <DecisionForm workspace={workspace} approval={approval} />
      ) : (
        <p className={css.waiting}>{t("approvals.onlyOthers")}</p>
      )}
    </>
  );
}

/** Open approvals of a run that the user may decide, without those of the node `shown`, whose pane has their forms. */
export function RunDecisions({ workspace, run, shown }: { workspace: string; run: string; shown: string | null }) {
  const graph = useEditor((editor) => editor.graph);
  const inbox = useQuery(approvalsQuery(workspace));
  const found = (inbox.data ?? []).filter((each) => each.run === run && each.mine && each.node !== shown);
  return found.slice(0, MOST_FORMS).map((approval) => (
    <details key={approval.job} className={own.decision} open={found.length === 1}>
      <summary>{t("approvals.decide", { node: nodeName(graph, approval.node) })}</summary>
      <ApprovalRequest approval={approval} />
      <DecisionForm workspace={workspace} approval={approval} />
    </details>
  ));
}

const MOST_FORMS = 6;

/** Buttons without a form, for an approval beyond the fetched ones. */
function DecisionButtons({ workspace, run, id, job }: Props & { job: string | null }) {
  const decide = (approved: boolean) =>
    attempt(async () => {
      await decideApproval(workspace, run, job ?? id, approved);
      notify(t(approved ? "approvals.nodeApproved" : "approvals.nodeRejected", { node: id }));
    });
  return (
    <div className={css.buttons}>
      <Button look="main" icon="check" onClick={() => decide(true)}>
        {t("approvals.approve")}
      </Button>
      <Button icon="cross" onClick={async () => (await confirmRejection(id)) && decide(false)}>
        {t("approvals.reject")}
      </Button>
    </div>
  );
}
