import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ownMemberQuery } from "../api/members";
import { meQuery } from "../api/session";
import { useLocation, useParams } from "../routing/hooks";
import { NavLink } from "../routing/link";
import { Outlet } from "../routing/provider";
import { t } from "../texts/settings";
import css from "./settings.module.css";

type Group = readonly [string, readonly (readonly [string, string])[]];

const ACCOUNT: Group = [t("settings.account"), [[t("settings.profile"), "profile"]]];
const WORKSPACE: Group = [
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
const INSTANCE: Group = [
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
const OF_ADMINS = ["service-accounts", "tokens", "usage"];
/** Pages that operators and viewers cannot read. */
const OF_DEVELOPERS = ["git"];

/** The pages of the settings with their navigation. */
export function SettingsLayout() {
  const { workspace = "" } = useParams();
  const me = useQuery(meQuery);
  const member = useQuery(ownMemberQuery(workspace)).data;
  const hidden = [...(member?.is_admin ? [] : OF_ADMINS), ...(member && !member.operator ? [] : OF_DEVELOPERS)];
  const [name, pages] = WORKSPACE;
  const ofWorkspace: Group = [name, pages.filter(([, to]) => !hidden.includes(to))];
  const groups = me.data?.superAdmin ? [ACCOUNT, ofWorkspace, INSTANCE] : [ACCOUNT, ofWorkspace];
  return (
    <div className={css.layout}>
      <Navigation base={`/w/${workspace}/settings`} groups={groups} />
      <Outlet />
    </div>
  );
}

function Navigation({ base, groups }: { base: string; groups: readonly Group[] }) {
  const { pathname } = useLocation();
  const nav = useRef<HTMLElement>(null);
  const count = groups.reduce((sum, [, pages]) => sum + pages.length, 0);
  // A narrow window shows the links in one line, scrolled to the link of this page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs after a change of the page, or of what the user can see
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [pathname, count]);
  return (
    <nav ref={nav} className={css.nav} aria-label={t("settings.title")}>
      {groups.map(([name, pages]) => (
        <div key={name}>
          <h2>{name}</h2>
          <ul>
            {pages.map(([label, to]) => (
              <li key={to}>
                <NavLink to={`${base}/${to}`}>{label}</NavLink>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
