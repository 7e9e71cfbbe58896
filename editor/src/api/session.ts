import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";

/** Log in. `code`: code of the authenticator; empty without two-step login. */
export async function login(email: string, password: string, code: string): Promise<void> {
  await api.POST("/api/auth/login", { body: { email, password, code: code || null }, parseAs: "text" });
}

/** Query of the ways to log in, and of the color of the instance. */
export const loginOptionsQuery = queryOptions({
  queryKey: ["login-options"],
  staleTime: 60_000,
  queryFn: async () =>
    (await api.GET("/api/auth/oidc/providers")).data ?? { providers: [], password_login: true, first_visit: false },
});

/** Start a login by a provider. Return the address at which it continues; afterwards the browser goes to `then`. */
export async function startLogin(provider: string, then: string): Promise<string> {
  const { data } = await api.POST("/api/auth/oidc/start", { body: { provider, then } });
  if (!data) throw new Error(t("api.noData"));
  return data.url;
}

/** Return whether this browser has a session. */
export async function isLoggedIn(): Promise<boolean> {
  try {
    return (await api.GET("/api/users/whoami")).response.ok;
  } catch {
    return false;
  }
}

/** End the session. Return the address at which the provider of the session ends its own, if there is one. */
export async function logout(): Promise<string | null> {
  return (await api.POST("/api/auth/oidc/logout")).data?.url ?? null;
}

/** End the session in which an admin acts as the user. The admin's own session continues. */
export async function endImpersonation(): Promise<void> {
  await api.POST("/api/auth/end_impersonation", { body: {} as never, parseAs: "text" });
}

/** Query of the account of the user with its workspaces. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  staleTime: 60_000,
  queryFn: async () => {
    const [account, member] = await Promise.all([api.GET("/api/users/whoami"), api.GET("/api/workspaces/users")]);
    if (!account.data || !member.data) throw new Error(t("api.noData"));
    const { email, super_admin: superAdmin, impersonated_by: impersonatedBy } = account.data;
    return { email, superAdmin, impersonatedBy, workspaces: member.data.workspaces };
  },
});
