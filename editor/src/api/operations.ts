import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Operations = components["schemas"]["Operations"];
export type OperationsPoint = components["schemas"]["OperationsPoint"];
export type Span = "1h" | "24h" | "7d";

/** The server records figures once a minute. */
const REFRESH_MS = 60_000;

/** Query of the figures of a workspace (null: of the installation) over a time span that ends now. */
export const operationsQuery = (workspace: string | null, last: Span) =>
  queryOptions({
    queryKey: ["operations", workspace, last],
    refetchInterval: REFRESH_MS,
    queryFn: async (): Promise<Operations> => {
      const query = { last };
      const { data } =
        workspace === null
          ? await api.GET("/api/operations", { params: { query } })
          : await api.GET("/api/w/{workspace}/operations", { params: { path: { workspace }, query } });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });
