import { t } from "../texts/t";

/** Number shown beside the link of a page. */
export type Badge = "approvals" | "failures";

/** A page of a workspace: its name, its address below that of the workspace, its icon. */
export interface Page {
  name: string;
  to: string;
  icon: string;
  badge?: Badge;
}

/** Pages under a common heading. */
export interface PageGroup {
  name: string;
  pages: readonly Page[];
}

/** Home page of a workspace, above the groups. */
export const HOME: Page = { name: t("shell.pageHome"), to: "", icon: "home" };

/** The other pages. Rail, phone menu and command palette are made from these groups. */
export const PAGE_GROUPS: readonly PageGroup[] = [
  {
    name: t("shell.groupBuild"),
    pages: [
      { name: t("shell.pageWorkflows"), to: "/workflows", icon: "flow" },
      { name: t("shell.pageScripts"), to: "/scripts", icon: "script" },
    ],
  },
  {
    name: t("shell.groupRun"),
    pages: [
      { name: t("shell.pageRuns"), to: "/runs", icon: "list", badge: "failures" },
      { name: t("shell.pageApprovals"), to: "/approvals", icon: "person", badge: "approvals" },
      { name: t("shell.pageSchedules"), to: "/schedules", icon: "clock" },
    ],
  },
  {
    name: t("shell.groupOperate"),
    pages: [
      { name: t("shell.pageWorkers"), to: "/workers", icon: "server" },
      { name: t("shell.pageEnvironments"), to: "/environments", icon: "deploy" },
      { name: t("shell.pageSettings"), to: "/settings", icon: "gear" },
    ],
  },
];

/** All pages in their order. */
export const PAGES: readonly Page[] = [HOME, ...PAGE_GROUPS.flatMap((group) => group.pages)];
