import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type WaitingVersion = components["schemas"]["WaitingVersion"];

/** Versions that wait for acceptance: of an item (at its deployed `version`) and of what its triggers reach, or all. */
export const waitingQuery = (
  workspace: string,
  item?: { kind: "script" | "flow"; path: string },
  version?: number | string,
) =>
  queryOptions({
    queryKey: ["acceptance", workspace, item?.kind ?? "", item?.path ?? "", version ?? null],
    queryFn: async (): Promise<WaitingVersion[]> => {
      const { data } = await api.GET("/api/w/{workspace}/acceptance/list", {
        params: { path: { workspace }, query: (item ?? {}) as never },
      });
      return data ?? [];
    },
  });

/** Let a version run for others' triggers: for everybody where the caller may, else for the caller. */
export async function acceptVersion(workspace: string, waiting: WaitingVersion): Promise<void> {
  await api.POST("/api/w/{workspace}/acceptance/accept/{kind}/{path}", {
    params: { path: { workspace, kind: waiting.kind, path: waiting.path } },
    body: { version: waiting.version.id },
  });
}
