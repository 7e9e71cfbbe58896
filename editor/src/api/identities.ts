import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Identity = components["schemas"]["Identity"];

/** Query of the identities at OpenID providers that can log in to an account. */
export const identitiesQuery = (email: string) =>
  queryOptions({
    queryKey: ["accounts", "identities", email],
    queryFn: async () => (await api.GET("/api/users/identities/{email}", { params: { path: { email } } })).data ?? [],
  });

/** Let an identity of a provider log in to an account. */
export async function linkIdentity(email: string, provider: string, subject: string): Promise<void> {
  const params = { path: { email } };
  await api.POST("/api/users/link_identity/{email}", { params, body: { provider, subject }, parseAs: "text" });
}

/** Unlink an identity from an account, whose sessions end. */
export async function unlinkIdentity(email: string, { issuer, subject }: Identity): Promise<void> {
  const params = { path: { email } };
  await api.POST("/api/users/unlink_identity/{email}", { params, body: { issuer, subject }, parseAs: "text" });
}
