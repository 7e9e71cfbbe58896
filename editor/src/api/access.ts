import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import { ownMemberQuery } from "./members";
import type { components } from "./schema";

export type ActionAccess = components["schemas"]["ActionAccess"];
export type MemberAccess = components["schemas"]["AccessOfMember"];

/** An item or folder with permissions. The path of a folder is its name. */
export interface Shared {
  workspace: string;
  kind: "flow" | "script" | "variable" | "resource" | "schedule" | "http_trigger" | "folder";
  path: string;
}

/** Actions that members may perform on an item, and its permissions. */
export interface Access {
  members: MemberAccess[];
  /** False: the user may only see the own access, which is that of the only member. */
  complete: boolean;
  /** The user may change the permissions. */
  editable: boolean;
  /** Permission by `u/<username>` and `g/<group>`; true includes writing. */
  permissions: Record<string, boolean>;
}

/** Query of who may do what with an item, and why. */
export const accessQuery = ({ workspace, kind, path }: Shared) =>
  queryOptions({
    queryKey: ["access", workspace, kind, path],
    gcTime: 0,
    queryFn: async ({ client }): Promise<Access> => {
      const params = { path: { workspace, kind, path } };
      const list = async (query: { username: string } | { per_page: string }) =>
        (
          await api.GET("/api/w/{workspace}/acls/access/{kind}/{path}", {
            params: { ...params, query: query as never },
          })
        ).data ?? [];
      const me = await client.ensureQueryData(ownMemberQuery(workspace));
      const [permissions, own] = await Promise.all([
        api.GET("/api/w/{workspace}/acls/get/{kind}/{path}", { params }),
        // A superadmin need not be a member.
        me.is_admin ? [] : list({ username: me.username }),
      ]);
      if (!permissions.data) throw new Error(t("api.noData"));
      // Those who can read the path itself, not only this item, may see the access of others.
      const complete = me.is_admin || own.some((each) => each.read.reasons.some(({ why }) => why !== "item"));
      return {
        members: complete ? await list({ per_page: "1000" }) : own,
        complete,
        editable: me.is_admin || own.some((each) => each.share.allowed),
        permissions: permissions.data,
      };
    },
  });

/** Grant a member (`u/…`) or group (`g/…`) permission to read or also to write. */
export async function grant({ workspace, kind, path }: Shared, owner: string, write: boolean): Promise<void> {
  const params = { path: { workspace, kind, path } };
  await api.POST("/api/w/{workspace}/acls/add/{kind}/{path}", { params, body: { owner, write }, parseAs: "text" });
}

/** Remove the permission of a member or group. */
export async function withdraw({ workspace, kind, path }: Shared, owner: string): Promise<void> {
  const params = { path: { workspace, kind, path } };
  await api.POST("/api/w/{workspace}/acls/remove/{kind}/{path}", { params, body: { owner }, parseAs: "text" });
}
