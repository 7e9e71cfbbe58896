import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

/** Address of the server for SCIM clients. */
export const scimBaseUrl = (serverUrl: string): string => `${serverUrl}/scim/v2`;

export type ScimToken = components["schemas"]["ScimToken"];

/** Query of the tokens of SCIM clients, newest first. */
export const scimTokensQuery = queryOptions({
  queryKey: ["scim-tokens"],
  queryFn: async () => (await api.GET("/api/scim_tokens/list")).data ?? [],
});

/** Create a token and return it. The server does not return it again. `expiration` null: the longest lifetime. */
export async function createScimToken(expiration: string | null): Promise<string> {
  return String((await api.POST("/api/scim_tokens/create", { body: { expiration }, parseAs: "text" })).data);
}

export async function deleteScimToken(token_prefix: string): Promise<void> {
  await api.DELETE("/api/scim_tokens/delete/{token_prefix}", { params: { path: { token_prefix } }, parseAs: "text" });
}
