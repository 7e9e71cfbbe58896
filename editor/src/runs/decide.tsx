import { useQuery } from "@tanstack/react-query";
import { attempt } from "../actions/registry";
import { approvalsQuery } from "../api/approvals";
import { consent } from "../api/runs";
import { Deciding } from "../control/approvals/card";
import { useEditor } from "../editing/context";
import { Button } from "../ui/controls";
import { say } from "../ui/toasts";
import css from "./page.module.css";

interface Props {
  workspace: string;
  run: string;
  id: string;
}

/** Of an approval that waits in the run that is shown: its form, the inbox's own. */
export function Decide(asked: Props) {
  const { id } = asked;
  const waits = useEditor(
    (editor) =>
      editor.live?.nodes[id]?.waits?.some((wait) => wait.code === "approval" || wait.code === "suspended") ?? false,
  );
  return waits ? <Asked {...asked} /> : null;
}

function Asked({ workspace, run, id }: Props) {
  const inbox = useQuery(approvalsQuery(workspace));
  const asked = inbox.data?.find((each) => each.run === run && each.node === id);
  if (inbox.isPending || (!asked && inbox.isFetching)) return null;
  if (asked && !asked.mine) return <p className={css.waits}>Others are asked.</p>;
  if (asked) return <Deciding workspace={workspace} asked={asked} />;
  return <Buttons workspace={workspace} run={run} id={id} />;
}

/** Without the form, where the inbox is longer than what is looked at of it. */
function Buttons({ workspace, run, id }: Props) {
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
