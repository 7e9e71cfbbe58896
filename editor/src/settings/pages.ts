import { useQuery } from "@tanstack/react-query";
import { ownMemberQuery } from "../api/members";
import { meQuery } from "../api/session";
import { t } from "../texts/settings";

/** Heading, and the name and address of each page below `/settings`. */
export type SettingsGroup = readonly [string, readonly (readonly [string, string])[]];

const ACCOUNT: SettingsGroup = [t("settings.account"), [[t("settings.profile"), "profile"]]];
const WORKSPACE: SettingsGroup = [
  t("settings.workspace"),
  [
    [t("settings.members"), "members"],
    [t("settings.groups"), "groups"],
    [t("settings.serviceAccounts"), "service-accounts"],
    [t("settings.tokens"), "tokens"],
    [t("settings.folders"), "folders"],
    [t("settings.variables"), "variables"],
    [t("settings.resources"), "resources"],
    [t("settings.resourceTypes"), "resource-types"],
    [t("settings.alerts"), "alerts"],
    [t("settings.policies"), "policies"],
    [t("settings.git"), "git"],
    [t("settings.audit"), "audit"],
    [t("settings.usage"), "usage"],
    [t("settings.workspaceSettings"), "workspace"],
  ],
];
const INSTANCE: SettingsGroup = [
  t("settings.instance"),
  [
    [t("settings.accounts"), "accounts"],
    [t("settings.workspaces"), "workspaces"],
    [t("settings.instanceUsage"), "instance-usage"],
    [t("settings.groupSso"), "sso"],
    [t("settings.scim"), "scim"],
    [t("settings.instanceSettings"), "instance"],
  ],
];

/** Pages that only admins of the workspace can read. */
const OF_ADMINS = ["service-accounts", "tokens", "audit", "usage"];
/** Pages that operators and viewers cannot read. */
const OF_DEVELOPERS = ["git"];

/**
 * Return whether the role permits reading a page of the settings, which its address names even if no link does. True
 * until the role is known, and for superadmins.
 */
export function useIsReadable(workspace: string, page: string): boolean {
  const me = useQuery(meQuery).data;
  const member = useQuery(ownMemberQuery(workspace)).data;
  if (!me || !member || me.superAdmin) return true;
  if (OF_DEVELOPERS.includes(page)) return !member.operator;
  return !OF_ADMINS.includes(page) || member.is_admin;
}

/** Return the pages of the settings that the user can read. */
export function useSettingsPages(workspace: string): SettingsGroup[] {
  const me = useQuery(meQuery);
  const member = useQuery(ownMemberQuery(workspace)).data;
  const hidden = [...(member?.is_admin ? [] : OF_ADMINS), ...(member && !member.operator ? [] : OF_DEVELOPERS)];
  const [name, pages] = WORKSPACE;
  const ofWorkspace: SettingsGroup = [name, pages.filter(([, to]) => !hidden.includes(to))];
  return me.data?.superAdmin ? [ACCOUNT, ofWorkspace, INSTANCE] : [ACCOUNT, ofWorkspace];
}
