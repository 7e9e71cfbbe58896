import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { accountDepartureQuery, accountsQuery, endAccount } from "../api/accounts";
import { type ActingItem, membersQuery, type Transfer } from "../api/members";
import { t } from "../texts/settings";
import { Field } from "../ui/controls";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { DepartureDialog } from "./departure-dialog";
import { useSubmission } from "./parts";
import { missingOwner, NO_SUCCESSOR, passOn, type Successor, Successors } from "./successors";
import { needsAttention, TransferResult } from "./transfer-result";

type Act = "disable" | "delete";

const QUESTIONS = { disable: "settings.disableQuestion", delete: "settings.deleteQuestion" } as const;

interface Props {
  email: string;
  /** End of the account; without it, the dialog asks. */
  act?: Act;
  close: () => void;
}

/**
 * Dialog for somebody who leaves the organisation: it disables or deletes the account, and can assign and transfer the
 * items in each workspace to somebody else.
 */
export function AccountDeparture({ email, act: fixed, close }: Props) {
  const queries = useQueryClient();
  const departure = useQuery(accountDepartureQuery(email));
  const submission = useSubmission();
  const [act, setAct] = useState<Act>(fixed ?? "disable");
  const [chosen, setChosen] = useState<Readonly<Record<string, Successor>>>({});
  const [transfers, setTransfers] = useState<readonly Transfer[]>([]);
  const { items = [], owned = [] } = departure.data ?? {};
  const workspaces = [...new Set([...items, ...owned].map((each) => each.workspace_id))].sort();
  const successorIn = (workspace: string) => chosen[workspace] ?? NO_SUCCESSOR;
  const done = async () => {
    close();
    await queries.invalidateQueries(accountsQuery);
    await queries.invalidateQueries({ queryKey: ["members"] });
  };
  const end = async (cancelRuns: boolean) => {
    const moved: (Transfer | null)[] = [];
    const send = async () => {
      // The usernames are those before the memberships end.
      const usernames = await Promise.all(
        workspaces.map(async (workspace) => {
          const members = await queries.fetchQuery(membersQuery(workspace));
          return members.find((each) => each.email === email)?.username ?? "";
        }),
      );
      for (const [place, workspace] of workspaces.entries())
        moved.push(
          await passOn(workspace, usernames[place] ?? "", inWorkspace(items, workspace), successorIn(workspace)),
        );
      await endAccount(email, act, cancelRuns);
    };
    const problems = workspaces.map((each) => [each, missingOwner(inWorkspace(items, each), successorIn(each))]);
    if (!(await submission.send(send, Object.fromEntries(problems)))) {
      // Some of the items may have been passed on.
      await departure.refetch();
      return;
    }
    notify(t(act === "disable" ? "settings.disabledOf" : "settings.deleted", { name: email }));
    const all = moved.filter((each) => each !== null);
    const found = all.filter(needsAttention);
    for (const each of all) if (!needsAttention(each)) notify(t("settings.transferred", { count: each.moved.length }));
    if (found.length === 0) await done();
    else setTransfers(found);
  };
  const [transfer, ...others] = transfers;
  if (transfer) {
    const next = () => (others.length > 0 ? setTransfers(others) : void done());
    return <TransferResult key={others.length} transfer={transfer} close={next} />;
  }
  return (
    <DepartureDialog
      title={t(fixed ? QUESTIONS[fixed] : "settings.endAccountQuestion", { name: email })}
      submitLabel={act === "disable" ? t("settings.disable") : t("ui.delete")}
      affects={t("settings.accountAffects")}
      departure={departure}
      submission={submission}
      submit={end}
      close={close}
      workspaces
    >
      {!fixed && (
        <Field label={t("settings.account")}>
          <Select value={act} set={(next) => setAct(next as Act)}>
            <option value="disable">{t("settings.disableAccount")}</option>
            <option value="delete">{t("settings.deleteAccount")}</option>
          </Select>
        </Field>
      )}
      {workspaces.map((workspace) => (
        <Successors
          key={workspace}
          named
          workspace={workspace}
          email={email}
          items={inWorkspace(items, workspace)}
          owned={inWorkspace(owned, workspace)}
          chosen={successorIn(workspace)}
          error={submission.errors[workspace]}
          set={(successor) => setChosen({ ...chosen, [workspace]: successor })}
        />
      ))}
    </DepartureDialog>
  );
}

const inWorkspace = (items: readonly ActingItem[], workspace: string): ActingItem[] =>
  items.filter((each) => each.workspace_id === workspace);
