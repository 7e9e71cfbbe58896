import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Workspace = components["schemas"]["Workspace"];
export type WorkspaceSettings = components["schemas"]["WorkspaceSettings"];

/** Settings of a workspace that have a call each, by the name of the setting. */
const CALLS = {
  retention_days: "/api/w/{workspace}/workspaces/edit_retention",
  token_max_age_days: "/api/w/{workspace}/workspaces/edit_token_max_age",
  secrets_readable: "/api/w/{workspace}/workspaces/edit_secrets_readable",
  search_run_data: "/api/w/{workspace}/workspaces/edit_search_run_data",
} as const;

export type WorkspaceSettingName = keyof typeof CALLS;

/** Query of the workspaces of the user, for superadmins of all. */
export const workspacesQuery = queryOptions({
  queryKey: ["workspaces", "active"],
  queryFn: async () => (await api.GET("/api/workspaces/list")).data ?? [],
});

/** Query of the archived workspaces that the user administers, for superadmins of all. */
export const archivedWorkspacesQuery = queryOptions({
  queryKey: ["workspaces", "archived"],
  queryFn: async () => (await api.GET("/api/workspaces/list_archived")).data ?? [],
});

export const workspaceNameQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["workspaces", "name", workspace],
    queryFn: async () => {
      const params = { path: { workspace } };
      const { data } = await api.GET("/api/w/{workspace}/workspaces/get_workspace_name", { params, parseAs: "text" });
      return String(data);
    },
  });

export const workspaceSettingsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["workspaces", "settings", workspace],
    queryFn: async () => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/workspaces/get_settings", { params })).data ?? null;
    },
  });

export async function createWorkspace(id: string, name: string): Promise<void> {
  await api.POST("/api/workspaces/create", { body: { id, name: name || null }, parseAs: "text" });
}

/** Change the display name, which is `base`. */
export async function renameWorkspace(workspace: string, name: string, base: string): Promise<void> {
  const params = { path: { workspace } };
  const body = { new_name: name, base };
  await api.POST("/api/w/{workspace}/workspaces/change_workspace_name", { params, body, parseAs: "text" });
}

/** Store a setting of a workspace, whose value is `base`; null: that of the instance applies. */
export async function setWorkspaceSetting(
  workspace: string,
  name: WorkspaceSettingName,
  value: number | boolean | null,
  base: number | boolean | null,
): Promise<void> {
  const params = { path: { workspace } };
  await api.POST(CALLS[name], { params, body: { [name]: value, base } as never, parseAs: "text" });
}

export async function archiveWorkspace(workspace: string): Promise<void> {
  await api.POST("/api/w/{workspace}/workspaces/archive", { params: { path: { workspace } }, parseAs: "text" });
}

export async function unarchiveWorkspace(workspace: string): Promise<void> {
  await api.POST("/api/w/{workspace}/workspaces/unarchive", { params: { path: { workspace } }, parseAs: "text" });
}

/** Delete an archived workspace. `confirm`: its id as the user typed it. */
export async function deleteWorkspace(workspace: string, confirm: string): Promise<void> {
  const params = { path: { workspace }, query: { confirm } };
  await api.DELETE("/api/workspaces/delete/{workspace}", { params, parseAs: "text" });
}
