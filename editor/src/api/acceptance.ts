import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type WaitingVersion = components["schemas"]["WaitingVersion"];

/** Query of versions that wait for acceptance: all, or those of an item at `version` and of the items that its triggers start. */
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

/** Accept a version for triggers: for all members if the user may, otherwise for the user. */
export async function acceptVersion(workspace: string, waiting: WaitingVersion): Promise<void> {
  await api.POST("/api/w/{workspace}/acceptance/accept/{kind}/{path}", {
    params: { path: { workspace, kind: waiting.kind, path: waiting.path } },
    body: { version: waiting.version.id },
  });
}
