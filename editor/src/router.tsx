import { createBrowserRouter, isRouteErrorResponse, Link, Navigate, useRouteError } from "react-router";
import { PageNotFound } from "./shell/not-found";
import { Shell, ToWorkspace } from "./shell/shell";
import { t } from "./texts/t";
import { Failed, Skeleton } from "./ui/states";

/** Error of a page that failed or does not exist. */
function PageError() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <PageNotFound />;
  return (
    <main>
      <Failed error={error}>
        <Link to="/">{t("shell.toHome")}</Link>
      </Failed>
    </main>
  );
}

export const router = createBrowserRouter([
  {
    path: "/login",
    lazy: async () => ({ Component: (await import("./shell/login")).LoginPage }),
    errorElement: <PageError />,
    hydrateFallbackElement: <Skeleton />,
  },
  {
    path: "/",
    element: <Shell />,
    errorElement: <PageError />,
    hydrateFallbackElement: <Skeleton />,
    children: [
      {
        // An error of a page leaves the bar above it.
        errorElement: <PageError />,
        children: [
          { index: true, element: <ToWorkspace /> },
          {
            path: "w/:workspace",
            lazy: async () => ({ Component: (await import("./home/page")).HomePage }),
          },
          {
            path: "w/:workspace/workflows",
            lazy: async () => ({ Component: (await import("./workflows/list-page")).WorkflowsPage }),
          },
          {
            path: "w/:workspace/runs",
            lazy: async () => ({ Component: (await import("./runs/list/page")).RunsPage }),
          },
          {
            path: "w/:workspace/runs/search",
            lazy: async () => ({ Component: (await import("./runs/search/page")).SearchPage }),
          },
          {
            path: "w/:workspace/approvals",
            lazy: async () => ({ Component: (await import("./approvals/page")).ApprovalsPage }),
          },
          {
            path: "w/:workspace/schedules",
            lazy: async () => ({ Component: (await import("./schedules/page")).SchedulesPage }),
          },
          {
            path: "w/:workspace/environments/*",
            lazy: async () => ({ Component: (await import("./environments/pages")).EnvironmentPages }),
          },
          {
            path: "w/:workspace/workers",
            lazy: async () => ({ Component: (await import("./workers/page")).WorkersPage }),
          },
          {
            path: "w/:workspace/scripts",
            lazy: async () => ({ Component: (await import("./scripts/list-page")).ScriptsPage }),
          },
          {
            path: "w/:workspace/scripts/*",
            lazy: async () => ({ Component: (await import("./scripts/page")).ScriptPage }),
          },
          {
            path: "w/:workspace/runs/:id",
            lazy: async () => ({ Component: (await import("./runs/page")).RunPage }),
          },
          {
            path: "w/:workspace/runs/:id/compare/:other",
            lazy: async () => ({ Component: (await import("./runs/compare/page")).ComparePage }),
          },
          {
            path: "w/:workspace/workflows/*",
            lazy: async () => ({ Component: (await import("./workflow-page/page")).WorkflowPage }),
          },
          {
            path: "w/:workspace/settings",
            lazy: async () => ({ Component: (await import("./settings/layout")).SettingsLayout }),
            children: [
              { index: true, element: <Navigate to="profile" replace /> },
              {
                path: "profile",
                lazy: async () => ({ Component: (await import("./settings/profile-page")).ProfilePage }),
              },
              {
                path: "members",
                lazy: async () => ({ Component: (await import("./settings/members-page")).MembersPage }),
              },
              {
                path: "groups",
                lazy: async () => ({ Component: (await import("./settings/groups-page")).GroupsPage }),
              },
              {
                path: "service-accounts",
                lazy: async () => ({
                  Component: (await import("./settings/service-accounts-page")).ServiceAccountsPage,
                }),
              },
              {
                path: "tokens",
                lazy: async () => ({ Component: (await import("./settings/member-tokens-page")).MemberTokensPage }),
              },
              {
                path: "folders",
                lazy: async () => ({ Component: (await import("./settings/folders-page")).FoldersPage }),
              },
              {
                path: "variables",
                lazy: async () => ({ Component: (await import("./settings/variables-page")).VariablesPage }),
              },
              {
                path: "resources",
                lazy: async () => ({ Component: (await import("./settings/resources-page")).ResourcesPage }),
              },
              {
                path: "resource-types",
                lazy: async () => ({ Component: (await import("./settings/resource-types-page")).ResourceTypesPage }),
              },
              {
                path: "alerts",
                lazy: async () => ({ Component: (await import("./settings/alerts-page")).AlertsPage }),
              },
              {
                path: "policies",
                lazy: async () => ({ Component: (await import("./settings/policies-page")).PoliciesPage }),
              },
              {
                path: "git",
                lazy: async () => ({ Component: (await import("./settings/git-page")).GitPage }),
              },
              {
                path: "audit",
                lazy: async () => ({ Component: (await import("./settings/audit-page")).AuditPage }),
              },
              {
                path: "instance",
                lazy: async () => ({ Component: (await import("./settings/instance-page")).InstancePage }),
              },
              {
                path: "accounts",
                lazy: async () => ({ Component: (await import("./settings/accounts-page")).AccountsPage }),
              },
            ],
          },
          { path: "w/:workspace/*", element: <PageNotFound /> },
          { path: "*", element: <PageNotFound /> },
        ],
      },
    ],
  },
]);
