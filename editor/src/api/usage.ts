import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type UsageDay = components["schemas"]["UsageDay"];
export type UsageItem = components["schemas"]["UsageItem"];
export type UsageSpan = "7d" | "30d" | "90d";

/** Query of the usage of a workspace over a time span that ends today. */
export const usageQuery = (workspace: string, last: UsageSpan) =>
  queryOptions({
    queryKey: ["usage", workspace, last],
    queryFn: async () => {
      const params = { path: { workspace }, query: { last } };
      const { data } = await api.GET("/api/w/{workspace}/usage", { params });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Query of the usage of each workspace of the instance. */
export const instanceUsageQuery = (last: UsageSpan) =>
  queryOptions({
    queryKey: ["usage", null, last],
    queryFn: async () => {
      const { data } = await api.GET("/api/usage", { params: { query: { last } } });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });
