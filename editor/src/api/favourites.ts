import { api } from "./client";

/** Mark a workflow or script as a favourite of the user, or remove the mark. */
export async function setFavourite(
  workspace: string,
  kind: "flow" | "script",
  path: string,
  starred: boolean,
): Promise<void> {
  const call = { params: { path: { workspace } }, body: { path, favorite_kind: kind } };
  if (starred) await api.POST("/api/w/{workspace}/favorites/star", call);
  else await api.POST("/api/w/{workspace}/favorites/unstar", call);
}
