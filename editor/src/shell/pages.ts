import { t } from "../texts/t";

/** Pages of a workspace: their names and addresses below it. */
export const PAGES: readonly [string, string][] = [
  [t("shell.pageHome"), ""],
  [t("shell.pageWorkflows"), "/workflows"],
  [t("shell.pageScripts"), "/scripts"],
  [t("shell.pageRuns"), "/runs"],
  [t("shell.pageApprovals"), "/approvals"],
  [t("shell.pageSchedules"), "/schedules"],
  [t("shell.pageWorkers"), "/workers"],
];
