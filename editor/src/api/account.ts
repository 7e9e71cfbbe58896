import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type OwnSession = components["schemas"]["OwnSession"];
export type Token = components["schemas"]["Token"];
export type Invitation = components["schemas"]["Invitation"];
export type NewToken = components["schemas"]["CreateToken"];

const ALL = { per_page: "1000" } as never;

/** Query of the sessions of the user, newest first. */
export const sessionsQuery = queryOptions({
  queryKey: ["account", "sessions"],
  queryFn: async () => (await api.GET("/api/users/sessions/list")).data ?? [],
});

/** Query of the tokens of the user, newest first. */
export const tokensQuery = queryOptions({
  queryKey: ["account", "tokens"],
  queryFn: async () => (await api.GET("/api/users/tokens/list", { params: { query: ALL } })).data ?? [],
});

/** Query of the maximum lifetime in days of a new token, valid in one workspace or, if it is empty, in all; null: unlimited. */
export const tokenMaxAgeQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["account", "token-max-age", workspace],
    queryFn: async () => {
      const query = (workspace ? { workspace } : {}) as never;
      return (await api.GET("/api/users/tokens/max_age", { params: { query } })).data?.token_max_age_days ?? null;
    },
  });

/** Query of the workspaces that the user is invited to. */
export const ownInvitationsQuery = queryOptions({
  queryKey: ["account", "invitations"],
  queryFn: async () => (await api.GET("/api/users/list_invites")).data ?? [],
});

export async function changePassword(current: string, password: string): Promise<void> {
  await api.POST("/api/users/setpassword", { body: { current_password: current, password }, parseAs: "text" });
}

export async function endSession(token_prefix: string): Promise<void> {
  const params = { path: { token_prefix } };
  await api.DELETE("/api/users/sessions/delete/{token_prefix}", { params, parseAs: "text" });
}

/** Create a token and return it. The server does not return it again. */
export async function createToken(token: NewToken): Promise<string> {
  const { data } = await api.POST("/api/users/tokens/create", { body: token, parseAs: "text" });
  return String(data);
}

export async function revokeToken(token_prefix: string): Promise<void> {
  const params = { path: { token_prefix } };
  await api.DELETE("/api/users/tokens/delete/{token_prefix}", { params, parseAs: "text" });
}

/** Accept or decline an invitation to a workspace. */
export async function answerInvitation(workspace_id: string, accept: boolean): Promise<void> {
  const body = { workspace_id };
  if (accept) await api.POST("/api/users/accept_invite", { body, parseAs: "text" });
  else await api.POST("/api/users/decline_invite", { body, parseAs: "text" });
}
