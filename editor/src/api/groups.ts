import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Group = components["schemas"]["Group"];

/** Query of the groups of a workspace by name; `all`, which contains every member, is the first. */
export const groupsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["groups", workspace],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/groups/list", { params })).data ?? [];
    },
  });

export async function createGroup(workspace: string, name: string, summary: string): Promise<void> {
  const params = { path: { workspace } };
  await api.POST("/api/w/{workspace}/groups/create", { params, body: { name, summary }, parseAs: "text" });
}

/** Set the description and the managers of a group. */
export async function updateGroup(workspace: string, name: string, summary: string, managers: string[]) {
  const params = { path: { workspace, name } };
  const body = { summary, managers };
  await api.POST("/api/w/{workspace}/groups/update/{name}", { params, body, parseAs: "text" });
}

export async function addToGroup(workspace: string, name: string, username: string): Promise<void> {
  const params = { path: { workspace, name } };
  await api.POST("/api/w/{workspace}/groups/adduser/{name}", { params, body: { username }, parseAs: "text" });
}

export async function removeFromGroup(workspace: string, name: string, username: string): Promise<void> {
  const params = { path: { workspace, name } };
  await api.POST("/api/w/{workspace}/groups/removeuser/{name}", { params, body: { username }, parseAs: "text" });
}

export async function deleteGroup(workspace: string, name: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/groups/delete/{name}", {
    params: { path: { workspace, name } },
    parseAs: "text",
  });
}
