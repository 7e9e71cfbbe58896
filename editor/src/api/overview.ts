import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Overview = components["schemas"]["Overview"];

const REFRESH_MS = 8000;

/** Query of the overview of a workspace. */
export const overviewQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["overview", workspace],
    refetchInterval: REFRESH_MS,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/overview", { params: { path: { workspace } } });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Query that returns true if a workflow exists at a path and the user may read it. */
export const flowExistsQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["flow-exists", workspace, path],
    staleTime: 60_000,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/flows/exists/{path}", {
        params: { path: { workspace, path } },
      });
      return data === true;
    },
  });
