import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";

/** Where the caller may put something. `all`: folders that may be written to and what is theirs alone, as `f/a`, `u/me`. */
export interface WritableFolders {
  all: string[];
  /** A folder that is not there is made by what is put there. */
  admin: boolean;
}

export const foldersQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["places", workspace],
    queryFn: async (): Promise<WritableFolders> => {
      const path = { workspace };
      const me = await api.GET("/api/w/{workspace}/users/whoami", { params: { path } });
      if (!me.data) throw new Error("The server said nothing.");
      const { username, is_admin: admin } = me.data;
      const query = (admin ? {} : { only_member_of: "true" }) as never;
      const folders = await api.GET("/api/w/{workspace}/folders/listnames", { params: { path, query } });
      return { all: [...(folders.data ?? []).map((name) => `f/${name}`), `u/${username}`], admin };
    },
  });
