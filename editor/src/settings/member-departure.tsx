import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { memberDepartureQuery, removeMember, setDisabled, type Transfer } from "../api/members";
import { t } from "../texts/settings";
import { notify } from "../ui/toasts";
import { DepartureDialog } from "./departure-dialog";
import { useSubmission } from "./parts";
import { missingOwner, NO_SUCCESSOR, passOn, Successors } from "./successors";
import { needsAttention, TransferResult } from "./transfer-result";

interface Props {
  workspace: string;
  username: string;
  email: string;
  act: "disable" | "remove";
  close: () => void;
}

/** Dialog that disables or removes a member, and can assign and transfer its items to another one. */
export function MemberDeparture({ workspace, username, email, act, close }: Props) {
  const queries = useQueryClient();
  const departure = useQuery(memberDepartureQuery(workspace, username));
  const submission = useSubmission();
  const [successor, setSuccessor] = useState(NO_SUCCESSOR);
  const [transfer, setTransfer] = useState<Transfer | null>(null);
  const { items = [], owned = [] } = departure.data ?? {};
  const done = async () => {
    close();
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
  };
  const end = async (cancelRuns: boolean) => {
    let moved = null as Transfer | null;
    const leave = async () => {
      moved = await passOn(workspace, username, items, successor);
      if (act === "remove") await removeMember(workspace, username, cancelRuns);
      else await setDisabled(workspace, username, true, cancelRuns);
    };
    if (!(await submission.send(leave, { owner: missingOwner(items, successor) }))) {
      // Some of the items may have been passed on.
      await departure.refetch();
      return;
    }
    notify(t(act === "remove" ? "settings.removedOf" : "settings.disabledOf", { name: username }));
    await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "members" });
    if (moved && needsAttention(moved)) {
      setTransfer(moved);
      return;
    }
    if (moved) notify(t("settings.transferred", { count: moved.moved.length }));
    await done();
  };
  if (transfer) return <TransferResult transfer={transfer} close={() => void done()} />;
  const values = { name: username };
  return (
    <DepartureDialog
      title={t(act === "remove" ? "settings.removeQuestion" : "settings.disableQuestion", values)}
      submitLabel={act === "remove" ? t("settings.remove") : t("settings.disable")}
      affects={t(act === "remove" ? "settings.removeAffects" : "settings.disableAffects")}
      departure={departure}
      submission={submission}
      submit={end}
      close={close}
    >
      <Successors
        workspace={workspace}
        email={email}
        items={items}
        owned={owned}
        chosen={successor}
        set={setSuccessor}
        error={submission.errors.owner}
      />
    </DepartureDialog>
  );
}
