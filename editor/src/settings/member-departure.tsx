import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { foldersQuery } from "../api/folders";
import {
  type ActingItem,
  assignOwner,
  memberDepartureQuery,
  membersQuery,
  removeMember,
  setDisabled,
  type Transfer,
  transferItems,
} from "../api/members";
import { t } from "../texts/settings";
import { Field } from "../ui/controls";
import { Select } from "../ui/select";
import { notify, notifyError } from "../ui/toasts";
import { canBeEnabled, DepartureDialog } from "./departure-dialog";
import { useSubmission } from "./parts";
import { needsAttention, TransferResult } from "./transfer-result";

interface Props {
  workspace: string;
  username: string;
  act: "disable" | "remove";
  close: () => void;
}

/** Dialog that disables or removes a member, and can assign and transfer its items to another one. */
export function MemberDeparture({ workspace, username, act, close }: Props) {
  const queries = useQueryClient();
  const departure = useQuery(memberDepartureQuery(workspace, username));
  const members = useQuery(membersQuery(workspace));
  const folders = useQuery(foldersQuery(workspace));
  const submission = useSubmission();
  const [owner, setOwner] = useState("");
  const [target, setTarget] = useState("");
  const [transfer, setTransfer] = useState<Transfer | null>(null);
  const { items = [], owned = [] } = departure.data ?? {};
  const others = (members.data ?? [])
    .filter((each) => !each.disabled && each.username !== username)
    .map((each) => `u/${each.username}`);
  const places = [...others, ...(folders.data?.all ?? []).filter((each) => each.startsWith("f/"))];
  const done = async () => {
    close();
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
  };
  const end = async (cancelRuns: boolean) => {
    const leave = () =>
      act === "remove"
        ? removeMember(workspace, username, cancelRuns)
        : setDisabled(workspace, username, true, cancelRuns);
    if (!(await submission.send(leave))) return;
    notify(t(act === "remove" ? "settings.removedOf" : "settings.disabledOf", { name: username }));
    if (owner) await assignAll(workspace, items, owner);
    const moved = target ? await transferAll(workspace, username, target) : null;
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
      title={t(act === "remove" ? "settings.removeOf" : "settings.disableOf", values)}
      submitLabel={act === "remove" ? t("settings.remove") : t("settings.disable")}
      departure={departure}
      submission={submission}
      submit={end}
      close={close}
    >
      {items.length > 0 && (
        <Field label={t("settings.newOwner")} help={t("settings.newOwnerHint")}>
          <Select value={owner} set={setOwner}>
            <option value="">{t("settings.noOwner")}</option>
            {others.map((each) => (
              <option key={each} value={each}>
                {each.slice(2)}
              </option>
            ))}
          </Select>
        </Field>
      )}
      {owned.length > 0 && (
        <Field label={t("settings.transferTo")} help={t("settings.transferHint")}>
          <Select value={target} set={setTarget}>
            <option value="">{t("settings.noTransfer")}</option>
            {places.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </Select>
        </Field>
      )}
    </DepartureDialog>
  );
}

/**
 * Assign the stopped items to an owner and enable them. Those that are refused remain in the list of ownerless items.
 * Automatic promotions are set up again on the page of their environment, by a member who may apply releases.
 */
async function assignAll(workspace: string, items: readonly ActingItem[], owner: string): Promise<void> {
  for (const { kind, path } of items.filter((each) => each.kind !== "automatic_promotion")) {
    try {
      await assignOwner(workspace, { kind, path, owner, enable: canBeEnabled(kind), references: false });
    } catch (error) {
      notifyError(error);
    }
  }
}

/** Transfer the items at the paths of a member who has left. Return null, and show the error, if that fails. */
async function transferAll(workspace: string, username: string, target: string): Promise<Transfer | null> {
  try {
    return await transferItems(workspace, username, target);
  } catch (error) {
    notifyError(error);
    return null;
  }
}
