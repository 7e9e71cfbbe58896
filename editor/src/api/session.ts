import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";

export async function login(email: string, password: string): Promise<void> {
  await api.POST("/api/auth/login", { body: { email, password }, parseAs: "text" });
}

export async function logout(): Promise<void> {
  await api.POST("/api/auth/logout", { parseAs: "text" });
}

/** Query of the account of the user with its workspaces. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  staleTime: 60_000,
  queryFn: async () => {
    const [account, member] = await Promise.all([api.GET("/api/users/whoami"), api.GET("/api/workspaces/users")]);
    if (!account.data || !member.data) throw new Error(t("api.noData"));
    return { email: account.data.email, superAdmin: account.data.super_admin, workspaces: member.data.workspaces };
  },
});

/** Query whether a workspace exists. */
export const workspaceExistsQuery = (id: string) =>
  queryOptions({
    queryKey: ["workspace-exists", id],
    queryFn: async () => (await api.POST("/api/workspaces/exists", { body: { id } })).data ?? false,
  });
