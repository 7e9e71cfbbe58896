import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type ServiceAccount = components["schemas"]["ServiceAccount"];
export type NewServiceAccount = components["schemas"]["CreateServiceAccount"];
export type NewServiceToken = components["schemas"]["CreateServiceToken"];

/** Query of the service accounts of the workspace by username. */
export const serviceAccountsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace, "service"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/service_accounts/list", { params })).data ?? [];
    },
  });

export async function createServiceAccount(workspace: string, body: NewServiceAccount): Promise<void> {
  const params = { path: { workspace } };
  await api.POST("/api/w/{workspace}/service_accounts/create", { params, body, parseAs: "text" });
}

/** Create a token of a service account and return it. The server does not return it again. */
export async function createServiceToken(workspace: string, username: string, body: NewServiceToken): Promise<string> {
  const params = { path: { workspace, username } };
  const { data } = await api.POST("/api/w/{workspace}/service_accounts/tokens/create/{username}", {
    params,
    body,
    parseAs: "text",
  });
  return String(data);
}

/** Enable a service account, or disable it, which deletes its tokens. */
export async function enableServiceAccount(workspace: string, username: string, enabled: boolean): Promise<void> {
  const params = { path: { workspace, username } };
  const body = { enabled };
  await api.POST("/api/w/{workspace}/service_accounts/setenabled/{username}", { params, body, parseAs: "text" });
}

export async function deleteServiceAccount(workspace: string, username: string): Promise<void> {
  const params = { path: { workspace, username } };
  await api.DELETE("/api/w/{workspace}/service_accounts/delete/{username}", { params, parseAs: "text" });
}
