import { useQuery } from "@tanstack/react-query";
import { attempt } from "../actions/registry";
import { approvalsQuery } from "../api/approvals";
import { decideApproval } from "../api/runs";
import { useEditor } from "../editor/context";
import css from "../runs/page.module.css";
import { Button } from "../ui/controls";
import { notify } from "../ui/toasts";
import { DecisionForm } from "./card";

interface Props {
  workspace: string;
  run: string;
  id: string;
}

/** Of an approval that waits in the run that is shown: its form, the inbox's own. */
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
  if (asked && !asked.mine) return <p className={css.waiting}>Others are asked.</p>;
  if (asked) return <DecisionForm workspace={workspace} asked={asked} />;
  return <DecisionButtons workspace={workspace} run={run} id={id} />;
}

/** Without the form, where the inbox is longer than what is looked at of it. */
function DecisionButtons({ workspace, run, id }: Props) {
  const decide = (approved: boolean) =>
    attempt(async () => {
      await decideApproval(workspace, run, id, approved);
      notify(approved ? `Approved: ${id} goes on.` : `Rejected: ${id}.`);
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
