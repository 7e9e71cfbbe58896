import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";

/** A workflow in a list. */
export interface FlowItem {
  path: string;
  summary: string;
  edited_by: string;
  edited_at: string;
  archived: boolean;
  version_id: number;
}

/** A workflow with its document: `source` where it came as text, `value` and `schema` always. */
export interface Flow extends FlowItem {
  description?: string;
  value: unknown;
  schema?: unknown;
  source?: { format: "yaml" | "json"; text: string };
}

export const flowsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["flows", workspace],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/flows/list", {
        params: { path: { workspace }, query: { per_page: "1000" } as never },
      });
      return (data ?? []) as unknown as FlowItem[];
    },
  });

export const flowQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["flow", workspace, path],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/flows/get/{path}", { params: { path: { workspace, path } } });
      return data as unknown as Flow;
    },
  });
