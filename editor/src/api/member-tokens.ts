import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type MemberToken = components["schemas"]["MemberToken"];

/** Query of the tokens with which members and service accounts can act in the workspace, by username. */
export const memberTokensQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace, "tokens"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/tokens/list", { params })).data ?? [];
    },
  });

/** Revoke a token that is valid in this workspace only, or one of a service account that the workspace manages. */
export async function revokeMemberToken(workspace: string, token_prefix: string): Promise<void> {
  const params = { path: { workspace, token_prefix } };
  await api.DELETE("/api/w/{workspace}/tokens/delete/{token_prefix}", { params, parseAs: "text" });
}
