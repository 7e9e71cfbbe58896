import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

/** Runs of a workflow or script in the last seven days, the newest first. */
export type ItemHistory = components["schemas"]["ItemHistory"];

const REFRESH_MS = 30_000;

/** Query of the recent runs of the workflows or scripts of a workspace, by path. */
export const itemHistoriesQuery = (workspace: string, kind: "flow" | "script") =>
  queryOptions({
    queryKey: ["item-histories", workspace, kind],
    refetchInterval: REFRESH_MS,
    queryFn: async (): Promise<ReadonlyMap<string, ItemHistory>> => {
      const { data } = await api.GET("/api/w/{workspace}/jobs/item_histories", {
        params: { path: { workspace }, query: { kind } },
      });
      return new Map((data ?? []).map((each) => [each.path, each]));
    },
  });
