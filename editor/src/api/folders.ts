import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";

/** Places where the user may create items. `all`: writable folders and the own one, as `f/a`, `u/me`. */
export interface WritableFolders {
  all: string[];
  /** The user may create folders. */
  admin: boolean;
}

export const foldersQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["places", workspace],
    queryFn: async (): Promise<WritableFolders> => {
      const path = { workspace };
      const me = await api.GET("/api/w/{workspace}/users/whoami", { params: { path } });
      if (!me.data) throw new Error(t("api.noData"));
      const { username, is_admin: admin } = me.data;
      const query = (admin ? {} : { only_member_of: "true" }) as never;
      const folders = await api.GET("/api/w/{workspace}/folders/listnames", { params: { path, query } });
      return { all: [...(folders.data ?? []).map((name) => `f/${name}`), `u/${username}`], admin };
    },
  });
