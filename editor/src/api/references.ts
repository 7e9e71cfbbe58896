import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Reference = components["schemas"]["Reference"];
export type References = components["schemas"]["References"];

export type WorkspaceReferences = components["schemas"]["WorkspaceReferences"];
export type EnvironmentReferences = components["schemas"]["EnvironmentReferences"];

/** Kind of an item that others refer to. A queue, group, policy or resource type has its name as the path. */
export type ReferredKind = "script" | "flow" | "variable" | "resource" | "resource_type" | "queue" | "group" | "policy";

/** Query of everything that uses an item, directly and through other items, here and in the environments after this. */
export const referencesQuery = (workspace: string, kind: ReferredKind, path: string) =>
  queryOptions({
    queryKey: ["references", workspace, kind, path],
    gcTime: 0,
    retry: false,
    queryFn: async (): Promise<References> => {
      const { data } = await api.GET("/api/w/{workspace}/references/{kind}/{path}", {
        params: { path: { workspace, kind, path }, query: { environments: true } as never },
      });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });
