import { useQuery } from "@tanstack/react-query";
import { isActive, type Member, membersQuery } from "../api/members";
import { type ReasonCode, storedReasonText } from "../kinds/reason-text";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/triggers";

/** Code with which a reason begins if the member for whom a trigger acts was disabled or removed. */
const IDENTITY_DISABLED = "identity_disabled";

interface Stopped {
  /** Text of the reason; null if the platform did not stop the trigger. */
  text: React.ReactNode;
  /** The trigger cannot be enabled: it needs a new owner. False if the members are not known. */
  isOwnerless: boolean;
}

/** Return why the platform stopped a trigger that acts for `identity`. */
export function useStopped(
  workspace: string,
  reason: string | null | undefined,
  identity: string,
  code?: ReasonCode,
): Stopped {
  const isOfIdentity = reason?.startsWith(IDENTITY_DISABLED) ?? false;
  const members = useQuery({ ...membersQuery(workspace), enabled: isOfIdentity });
  if (!isOfIdentity) return { text: reason ? storedReasonText(reason, code) : null, isOwnerless: false };
  const isOwner = (each: Member) => identity === `u/${each.username}` && isActive(each);
  const isOwnerless = members.data !== undefined && !members.data.some(isOwner);
  const user = identity.replace(/^u\//, "");
  if (!isOwnerless) return { text: t("triggers.identityWasDisabled", { user }), isOwnerless };
  const page = <Link to={`/w/${workspace}/settings/members`}>{t("triggers.membersPage")}</Link>;
  return { text: tWith("triggers.identityDisabled", { page }, { user }), isOwnerless };
}
