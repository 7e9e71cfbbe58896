import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type TemplateHead = components["schemas"]["TemplateHead"];

export const templatesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["templates", workspace],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/templates/list", { params: { path: { workspace } } });
      return data ?? [];
    },
  });

/** The YAML of a template. */
export const templateQuery = (workspace: string, name: string) =>
  queryOptions({
    queryKey: ["template", workspace, name],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/templates/get/{name}", {
        params: { path: { workspace, name } },
      });
      return data?.source.text ?? "";
    },
  });
