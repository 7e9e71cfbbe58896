import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";

/** A script in a list. */
export interface ScriptItem {
  path: string;
  summary: string;
  language: string;
  created_by: string;
  created_at: string;
  archived: boolean;
  hash: string;
  version_id: number;
  has_draft?: boolean;
}

/** A script with its text, the schema of its inputs and whatever else was deployed with it. */
export interface Script extends ScriptItem {
  content: string;
  description?: string;
  schema?: unknown;
  lock?: string | null;
  lock_error_logs?: string;
}

export const scriptsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["scripts", workspace],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/scripts/list", {
        params: { path: { workspace }, query: { per_page: "1000" } as never },
      });
      return (data ?? []) as unknown as ScriptItem[];
    },
  });

export const scriptQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["script", workspace, path],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/scripts/get/p/{path}", {
        params: { path: { workspace, path } },
      });
      return data as unknown as Script;
    },
  });
