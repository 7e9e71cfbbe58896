import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import type { Json } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type Resource = components["schemas"]["Resource"];
export type ResourceType = components["schemas"]["ResourceType"];

/** Query of the resources of a workspace by path, without their values. */
export const resourceListQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["resources", workspace, "list"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/resources/list", { params })).data ?? [];
    },
  });

/** Query of a resource with its value; secret fields contain a mask. */
export const resourceQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["resources", workspace, "one", path],
    gcTime: 0,
    queryFn: async () => {
      const params = { path: { workspace, path } };
      const { data } = await api.GET("/api/w/{workspace}/resources/get/{path}", { params });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Query of the resource types of the platform and of the workspace. */
export const resourceTypesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["resource-types", workspace],
    queryFn: async () => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/resources/type/list", { params })).data ?? [];
    },
  });

export interface ResourceChange {
  resource_type: string;
  value: Json;
  description: string;
}

export async function createResource(workspace: string, path: string, change: ResourceChange): Promise<void> {
  const body = { path, ...change } as never;
  await api.POST("/api/w/{workspace}/resources/create", { params: { path: { workspace } }, body, parseAs: "text" });
}

/** Change a resource. Fails with `version_conflict` if it is not at version `base`; undefined: any. */
export async function updateResource(
  workspace: string,
  path: string,
  change: ResourceChange,
  base: string | undefined,
): Promise<void> {
  const params = { path: { workspace, path } };
  const body = { ...change, base_version: base } as never;
  await api.POST("/api/w/{workspace}/resources/update/{path}", { params, body, parseAs: "text" });
}

export async function deleteResource(workspace: string, path: string): Promise<void> {
  const params = { path: { workspace, path } };
  await api.DELETE("/api/w/{workspace}/resources/delete/{path}", { params, parseAs: "text" });
}

/** Connect to the server that a stored resource names. */
export async function testResource(workspace: string, path: string): Promise<components["schemas"]["ConnectionTest"]> {
  const params = { path: { workspace, path } };
  const { data } = await api.POST("/api/w/{workspace}/resources/test/{path}", { params });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

export interface ResourceTypeChange {
  schema: Json;
  description: string;
}

export async function createResourceType(workspace: string, name: string, change: ResourceTypeChange): Promise<void> {
  const body = { name, ...change } as never;
  const params = { path: { workspace } };
  await api.POST("/api/w/{workspace}/resources/type/create", { params, body, parseAs: "text" });
}

export async function updateResourceType(workspace: string, name: string, change: ResourceTypeChange): Promise<void> {
  const params = { path: { workspace, name } };
  const body = change as never;
  await api.POST("/api/w/{workspace}/resources/type/update/{name}", { params, body, parseAs: "text" });
}

export async function deleteResourceType(workspace: string, name: string): Promise<void> {
  const params = { path: { workspace, name } };
  await api.DELETE("/api/w/{workspace}/resources/type/delete/{name}", { params, parseAs: "text" });
}
