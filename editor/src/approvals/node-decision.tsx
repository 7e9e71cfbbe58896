import { useQuery } from "@tanstack/react-query";
import { attempt } from "../actions/registry";
import { approvalsQuery } from "../api/approvals";
import { decideApproval } from "../api/runs";
import { useEditor } from "../editor/context";
import css from "../runs/page.module.css";
import { t } from "../texts/approvals";
import { Button } from "../ui/controls";
import { notify } from "../ui/toasts";
import { DecisionForm } from "./card";
import { ApprovalRequest } from "./request";

interface Props {
  workspace: string;
  run: string;
  id: string;
}

/** Form of an open approval of the shown run, like that of the approvals page. */
export function NodeDecision(props: Props) {
  const { id } = props;
  const waits = useEditor(
    (editor) =>
      editor.live?.nodes[id]?.waits?.some((wait) => wait.code === "approval" || wait.code === "suspended") ?? false,
  );
  return waits ? <PendingApproval {...props} /> : null;
}

function PendingApproval({ workspace, run, id }: Props) {
  const inbox = useQuery(approvalsQuery(workspace));
  const asked = inbox.data?.find((each) => each.run === run && each.node === id);
  if (inbox.isPending || (!asked && inbox.isFetching)) return null;
  if (asked) {
    return (
      <>
        <ApprovalRequest asked={asked} />
        {asked.mine ? (
          <DecisionForm workspace={workspace} asked={asked} />
        ) : (
          <p className={css.waiting}>{t("approvals.onlyOthers")}</p>
        )}
      </>
    );
  }
  return <DecisionButtons workspace={workspace} run={run} id={id} />;
}

/** Buttons without a form, for an approval beyond the fetched ones. */
function DecisionButtons({ workspace, run, id }: Props) {
  const decide = (approved: boolean) =>
    attempt(async () => {
      await decideApproval(workspace, run, id, approved);
      notify(t(approved ? "approvals.nodeApproved" : "approvals.nodeRejected", { node: id }));
    });
  return (
    <div className={css.buttons}>
      <Button look="main" icon="check" onClick={() => decide(true)}>
        {t("approvals.approve")}
      </Button>
      <Button icon="cross" onClick={() => decide(false)}>
        {t("approvals.reject")}
      </Button>
    </div>
  );
}
