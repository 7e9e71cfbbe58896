import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Reference = components["schemas"]["Reference"];
export type References = components["schemas"]["References"];

/** Kind of an item that others refer to. A queue, group or resource type has its name as the path. */
export type ReferredKind = "script" | "flow" | "variable" | "resource" | "resource_type" | "queue" | "group";

/** Query of everything that uses an item, directly and through other items. */
export const referencesQuery = (workspace: string, kind: ReferredKind, path: string) =>
  queryOptions({
    queryKey: ["references", workspace, kind, path],
    gcTime: 0,
    retry: false,
    queryFn: async (): Promise<References> => {
      const { data } = await api.GET("/api/w/{workspace}/references/{kind}/{path}", {
        params: { path: { workspace, kind, path } },
      });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });
