import { t } from "../texts/settings";

/** Names of the areas of scopes. */
export const AREAS: Readonly<Record<string, string>> = {
  jobs: t("settings.areaJobs"),
  flows: t("settings.areaFlows"),
  scripts: t("settings.areaScripts"),
  schedules: t("settings.areaSchedules"),
  http_triggers: t("settings.areaHttpTriggers"),
  variables: t("settings.areaVariables"),
  resources: t("settings.areaResources"),
  files: t("settings.areaFiles"),
  folders: t("settings.areaFolders"),
  workspaces: t("settings.areaWorkspaces"),
  users: t("settings.areaUsers"),
  tokens: t("settings.areaTokens"),
  workers: t("settings.areaWorkers"),
  audit: t("settings.areaAudit"),
  settings: t("settings.areaSettings"),
  policies: t("settings.areaPolicies"),
  git: t("settings.areaGit"),
  environments: t("settings.areaEnvironments"),
  releases: t("settings.areaReleases"),
  deployments: t("settings.areaDeployments"),
  "*": t("settings.areaAll"),
};

/** Names of the actions of scopes. */
export const ACTIONS: Readonly<Record<string, string>> = {
  read: t("settings.actionRead"),
  write: t("settings.actionWrite"),
  run: t("settings.actionRun"),
  "*": t("settings.actionAll"),
  preview: t("settings.actionPreview"),
  pause: t("settings.actionPause"),
  edit: t("settings.actionEdit"),
  delegate: t("settings.actionDelegate"),
};

/**
 * Scopes that a pipeline needs for `orvanta push`, `test`, `release create` and `promote`. Who stores a schedule or HTTP
 * trigger must be able to run what it starts.
 */
export const CI_SCOPES: readonly string[] = [
  "jobs:run",
  "flows:write",
  "scripts:write",
  "schedules:write",
  "http_triggers:write",
  "variables:write",
  "resources:write",
  "folders:write",
  "releases:write",
  "deployments:write",
  "environments:read",
];

const COMMON = ["read", "write", "run", "*"];

/** Return the actions of an area. Only jobs have those beyond read, write, run and all. */
export const actionsOf = (area: string): string[] => (area === "jobs" ? Object.keys(ACTIONS) : COMMON);

/** Return a scope in its format; without a path it applies to all items. */
export function scopeOf(area: string, action: string, path: string): string {
  return [area, action, path.trim()].filter(Boolean).join(":");
}
