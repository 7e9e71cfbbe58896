import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Folder = components["schemas"]["Folder"];

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

/** Query of the folders that the user may read, by name. */
export const folderListQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["places", workspace, "list"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/folders/list", { params })).data ?? [];
    },
  });

/** Description and permissions of a folder, by `u/<user>` and `g/<group>`. */
export interface FolderChange {
  summary: string;
  owners: string[];
  /** Members and groups that may read (false) or also write (true). */
  extra_perms: Record<string, boolean>;
}

export async function createFolder(workspace: string, name: string, summary: string): Promise<void> {
  const params = { path: { workspace } };
  const body = { name, summary } as never;
  await api.POST("/api/w/{workspace}/folders/create", { params, body, parseAs: "text" });
}

export async function updateFolder(workspace: string, name: string, change: FolderChange): Promise<void> {
  const params = { path: { workspace, name } };
  await api.POST("/api/w/{workspace}/folders/update/{name}", { params, body: change, parseAs: "text" });
}

export async function deleteFolder(workspace: string, name: string): Promise<void> {
  const params = { path: { workspace, name } };
  await api.DELETE("/api/w/{workspace}/folders/delete/{name}", { params, parseAs: "text" });
}
