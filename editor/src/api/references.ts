import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type ReferringItem = components["schemas"]["ReferringItem"];

/** Query of the items that refer to a variable or resource. */
export const referencesQuery = (workspace: string, kind: "variable" | "resource", path: string) =>
  queryOptions({
    queryKey: ["references", workspace, kind, path],
    gcTime: 0,
    queryFn: async (): Promise<ReferringItem[]> => {
      const params = { path: { workspace, path } };
      const { data } =
        kind === "variable"
          ? await api.GET("/api/w/{workspace}/variables/used_by/{path}", { params })
          : await api.GET("/api/w/{workspace}/resources/used_by/{path}", { params });
      return data ?? [];
    },
  });
