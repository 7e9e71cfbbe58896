import { useQuery } from "@tanstack/react-query";
import { foldersQuery } from "../api/folders";
import { type ActingItem, assignOwner, membersQuery, type Transfer, transferItems } from "../api/members";
import { t } from "../texts/settings";
import { Field } from "../ui/controls";
import { Select } from "../ui/select";
import { notifyError } from "../ui/toasts";
import { canBeEnabled } from "./departure-dialog";

/** Recipients of the items of a person in a workspace; empty: none. */
export interface Successor {
  /** New owner of the items that act for the person. */
  owner: string;
  /** Member or folder that gets the items at the paths of the person. */
  target: string;
}

export const NO_SUCCESSOR: Successor = { owner: "", target: "" };

interface Props {
  workspace: string;
  /** Address of the person. */
  email: string;
  items: readonly ActingItem[];
  owned: readonly ActingItem[];
  chosen: Successor;
  set: (chosen: Successor) => void;
  /** Show the workspace in the labels. */
  named?: boolean;
}

/** Fields for the successors of a person in a workspace. */
export function Successors({ workspace, email, items, owned, chosen, set, named = false }: Props) {
  const members = useQuery(membersQuery(workspace));
  const folders = useQuery(foldersQuery(workspace));
  const others = (members.data ?? [])
    .filter((each) => !each.disabled && each.email !== email)
    .map((each) => `u/${each.username}`);
  const places = [...others, ...(folders.data?.all ?? []).filter((each) => each.startsWith("f/"))];
  const label = (text: string) => (named ? `${text} (${workspace})` : text);
  return (
    <>
      {items.length > 0 && (
        <Field label={label(t("settings.newOwner"))} help={t("settings.newOwnerHint")}>
          <Select value={chosen.owner} set={(owner) => set({ ...chosen, owner })}>
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
        <Field label={label(t("settings.transferTo"))} help={t("settings.transferHint")}>
          <Select value={chosen.target} set={(target) => set({ ...chosen, target })}>
            <option value="">{t("settings.noTransfer")}</option>
            {places.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </Select>
        </Field>
      )}
    </>
  );
}

/**
 * Give the items of a member who has left to the successors. Return the transfer of those at its paths; null if there is
 * none or if it fails, which is shown.
 */
export async function handOver(
  workspace: string,
  username: string,
  items: readonly ActingItem[],
  { owner, target }: Successor,
): Promise<Transfer | null> {
  if (owner) await assignAll(workspace, items, owner);
  if (!target) return null;
  try {
    return await transferItems(workspace, username, target);
  } catch (error) {
    notifyError(error);
    return null;
  }
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
