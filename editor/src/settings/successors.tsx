import { useQuery } from "@tanstack/react-query";
import { foldersQuery } from "../api/folders";
import { type ActingItem, assignOwner, isActive, membersQuery, type Transfer, transferItems } from "../api/members";
import { t } from "../texts/settings";
import { Field } from "../ui/controls";
import { Select } from "../ui/select";
import { missing } from "./parts";
import css from "./settings.module.css";

/** Recipients of the items of a person in a workspace. */
export interface Successor {
  /** New owner of the items that act for the person, or NOBODY; empty until one is chosen. */
  owner: string;
  /** Allow the references in the arguments of schedules, which are read with the rights of the new owner. */
  references: boolean;
  /** Member or folder that gets the items at the paths of the person; empty: they remain. */
  target: string;
}

export const NO_SUCCESSOR: Successor = { owner: "", references: false, target: "" };

/** Chosen instead of an owner: the items stop. */
const NOBODY = "nobody";

/** Automatic promotions are set up again on the page of their environment, by a member who may apply releases. */
const canBeAssigned = ({ kind }: ActingItem): boolean => kind !== "automatic_promotion";

/** Return the error of a missing choice: whether items stop is decided knowingly. */
export const missingOwner = (items: readonly ActingItem[], { owner }: Successor): string | undefined =>
  items.some(canBeAssigned) ? missing(owner) : undefined;

interface Props {
  workspace: string;
  /** Address of the person. */
  email: string;
  items: readonly ActingItem[];
  owned: readonly ActingItem[];
  chosen: Successor;
  set: (chosen: Successor) => void;
  /** Error of the new owner. */
  error: string | undefined;
  /** Show the workspace in the labels. */
  named?: boolean;
}

/** Fields for the successors of a person in a workspace. */
export function Successors({ workspace, email, items, owned, chosen, set, error, named = false }: Props) {
  const others = useOthers(workspace, email);
  const label = (text: string) => (named ? `${text} (${workspace})` : text);
  return (
    <>
      {items.some(canBeAssigned) && (
        <Field label={label(t("settings.newOwner"))} help={t("settings.newOwnerHint")} error={error}>
          <Select value={chosen.owner} set={(owner) => set({ ...chosen, owner })}>
            <option value="">{t("settings.choose")}</option>
            <option value={NOBODY}>{t("settings.noOwner")}</option>
            {others.map((each) => (
              <option key={each} value={each}>
                {each.slice(2)}
              </option>
            ))}
          </Select>
        </Field>
      )}
      {items.some(({ kind }) => kind === "schedule") && chosen.owner && chosen.owner !== NOBODY && (
        <label className={css.check}>
          <input
            type="checkbox"
            checked={chosen.references}
            onChange={(event) => set({ ...chosen, references: event.target.checked })}
          />
          {t("settings.allowAllReferences")}
        </label>
      )}
      {owned.length > 0 && (
        <TransferTarget
          label={label(t("settings.transferTo"))}
          none={t("settings.noTransfer")}
          workspace={workspace}
          email={email}
          chosen={chosen.target}
          set={(target) => set({ ...chosen, target })}
        />
      )}
    </>
  );
}

/** Return the active members without this person, as `u/<username>`. */
function useOthers(workspace: string, email: string | undefined): string[] {
  const members = useQuery(membersQuery(workspace)).data ?? [];
  return members.filter((each) => isActive(each) && each.email !== email).map((each) => `u/${each.username}`);
}

interface TransferTargetProps {
  label: string;
  /** Text of the choice of nothing. */
  none: string;
  workspace: string;
  /** Address of the person, if it may still be an active member. */
  email?: string;
  chosen: string;
  set: (target: string) => void;
  error?: string | undefined;
}

/** Field for the member or folder that gets the items at the paths of a person. */
export function TransferTarget({ label, none, workspace, email, chosen, set, error }: TransferTargetProps) {
  const folders = useQuery(foldersQuery(workspace)).data?.all ?? [];
  const places = [...useOthers(workspace, email), ...folders.filter((each) => each.startsWith("f/"))];
  return (
    <Field label={label} help={t("settings.transferHint")} error={error}>
      <Select value={chosen} set={set}>
        <option value="">{none}</option>
        {places.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </Select>
    </Field>
  );
}

/**
 * Pass the items of a person on, before the access of the person ends: transfer those at the paths of the person, and
 * assign what acts for the person to the new owner, who has to be able to run what it starts at its new path. Return what
 * was transferred, or null. If the transfer or a successor is refused, nothing has moved or stopped; throws that error.
 */
export async function passOn(
  workspace: string,
  username: string,
  items: readonly ActingItem[],
  { owner, references, target }: Successor,
): Promise<Transfer | null> {
  const assigned = owner === NOBODY ? [] : items.filter(canBeAssigned).map(({ kind, path }) => ({ kind, path }));
  if (target) {
    const successor = assigned.length > 0 ? { owner, references, assigned } : undefined;
    return await transferItems(workspace, username, target, successor);
  }
  for (const { kind, path } of assigned) await assignOwner(workspace, { kind, path, owner, enable: false, references });
  return null;
}
