import { prefetch, prefetchFrame, prefetchHome, prefetchRun, prefetchRuns, prefetchWorkflow } from "./api/prefetch";
import { localHistoryQuery } from "./editor/local-history";
import { useParams } from "./routing/hooks";
import { Navigate } from "./routing/link";
import type { Params } from "./routing/match";
import { createRouter } from "./routing/router";
import { PageNotFound } from "./shell/not-found";
import { Shell, ToWorkspace } from "./shell/shell";

function ToProfile() {
  const { workspace = "" } = useParams();
  return <Navigate to={`/w/${workspace}/settings/profile`} />;
}

async function prefetchWorkflowPage(params: Params): Promise<void> {
  const { workspace = "", "*": path = "" } = params;
  await Promise.all([prefetchWorkflow(params), prefetch(localHistoryQuery(workspace, path))]);
}

/** The router of the window, with the pages and the files that they are loaded from. */
export const router = createRouter([
  { path: "login", load: async () => (await import("./shell/login")).LoginPage },
  {
    component: Shell,
    prefetch: prefetchFrame,
    children: [
      { component: ToWorkspace },
      { path: "account", load: async () => (await import("./settings/account-page")).AccountPage },
      {
        path: "w/:workspace",
        children: [
          { load: async () => (await import("./home/page")).HomePage, prefetch: prefetchHome },
          { path: "workflows", load: async () => (await import("./workflows/list-page")).WorkflowsPage },
          { path: "runs", load: async () => (await import("./runs/list/page")).RunsPage, prefetch: prefetchRuns },
          { path: "runs/search", load: async () => (await import("./runs/search/page")).SearchPage },
          { path: "approvals", load: async () => (await import("./approvals/page")).ApprovalsPage },
          { path: "schedules", load: async () => (await import("./schedules/page")).SchedulesPage },
          { path: "environments/*", load: async () => (await import("./environments/pages")).EnvironmentPages },
          { path: "workers", load: async () => (await import("./workers/page")).WorkersPage },
          { path: "scripts", load: async () => (await import("./scripts/list-page")).ScriptsPage },
          { path: "scripts/*", load: async () => (await import("./scripts/page")).ScriptPage },
          { path: "runs/:id", load: async () => (await import("./runs/page")).RunPage, prefetch: prefetchRun },
          { path: "runs/:id/compare/:other", load: async () => (await import("./runs/compare/page")).ComparePage },
          {
            path: "workflows/*",
            load: async () => (await import("./workflow-page/page")).WorkflowPage,
            prefetch: prefetchWorkflowPage,
          },
          {
            path: "settings",
            load: async () => (await import("./settings/layout")).SettingsLayout,
            children: [
              { component: ToProfile },
              { path: "profile", load: async () => (await import("./settings/profile-page")).ProfilePage },
              { path: "members", load: async () => (await import("./settings/members-page")).MembersPage },
              { path: "groups", load: async () => (await import("./settings/groups-page")).GroupsPage },
              {
                path: "service-accounts",
                load: async () => (await import("./settings/service-accounts-page")).ServiceAccountsPage,
              },
              { path: "tokens", load: async () => (await import("./settings/member-tokens-page")).MemberTokensPage },
              { path: "folders", load: async () => (await import("./settings/folders-page")).FoldersPage },
              { path: "variables", load: async () => (await import("./settings/variables-page")).VariablesPage },
              { path: "resources", load: async () => (await import("./settings/resources-page")).ResourcesPage },
              {
                path: "resource-types",
                load: async () => (await import("./settings/resource-types-page")).ResourceTypesPage,
              },
              { path: "alerts", load: async () => (await import("./settings/alerts-page")).AlertsPage },
              { path: "policies", load: async () => (await import("./settings/policies-page")).PoliciesPage },
              { path: "git", load: async () => (await import("./settings/git-page")).GitPage },
              { path: "audit", load: async () => (await import("./settings/audit-page")).AuditPage },
              { path: "usage", load: async () => (await import("./settings/usage-page")).UsagePage },
              {
                path: "instance-usage",
                load: async () => (await import("./settings/instance-usage-page")).InstanceUsagePage,
              },
              { path: "instance", load: async () => (await import("./settings/instance-page")).InstancePage },
              { path: "workspace", load: async () => (await import("./settings/workspace-page")).WorkspacePage },
              { path: "workspaces", load: async () => (await import("./settings/workspaces-page")).WorkspacesPage },
              { path: "sso", load: async () => (await import("./settings/sso-page")).SsoPage },
              { path: "scim", load: async () => (await import("./settings/scim-page")).ScimPage },
              { path: "accounts", load: async () => (await import("./settings/accounts-page")).AccountsPage },
            ],
          },
          { path: "*", component: PageNotFound },
        ],
      },
      { path: "*", component: PageNotFound },
    ],
  },
]);
