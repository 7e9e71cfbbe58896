import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Policy = components["schemas"]["PolicyBody"];
export type StoredPolicy = components["schemas"]["StoredPolicy"];
export type PolicyViolations = components["schemas"]["PolicyViolations"];

/** Query of the policies of the instance and of the workspace. */
export const policiesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["policies", workspace],
    queryFn: async () => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/policies/list", { params })).data ?? [];
    },
  });

/** Query of policies to start from. */
export const policyTemplatesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["policy-templates", workspace],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/policies/templates", { params })).data ?? [];
    },
  });

/** Return a page of the items that violate a policy; `after` is `next` of the previous page. */
export async function loadViolations(
  workspace: string,
  { name, scope }: Policy,
  after: string | null,
): Promise<PolicyViolations> {
  const query = { ...(after ? { after } : {}), instance: scope === "instance" };
  const params = { path: { workspace, name }, query: query as never };
  const { data } = await api.GET("/api/w/{workspace}/policies/violations/{name}", { params });
  return data ?? { items: [], unchecked: [], next: null, limits: [] };
}

/** Deploy an item with the corrections of its violations of a policy that the rules determine. */
export async function fixViolations(
  workspace: string,
  { name, scope }: Policy,
  { kind, path }: PolicyViolations["items"][number],
): Promise<void> {
  const params = { path: { workspace, name } };
  const body = { kind, path, instance: scope === "instance" };
  await api.POST("/api/w/{workspace}/policies/fix/{name}", { params, body });
}

/** Create a policy, or replace the one of this name in its scope. */
export async function savePolicy(workspace: string, body: Policy, exists: boolean): Promise<void> {
  const { name } = body;
  const path = { workspace, name };
  if (body.scope === "instance") {
    if (exists) await api.POST("/api/policies/update/{name}", { params: { path: { name } }, body, parseAs: "text" });
    else await api.POST("/api/policies/create", { body, parseAs: "text" });
  } else if (exists) {
    await api.POST("/api/w/{workspace}/policies/update/{name}", { params: { path }, body, parseAs: "text" });
  } else {
    await api.POST("/api/w/{workspace}/policies/create", { params: { path: { workspace } }, body, parseAs: "text" });
  }
}

export async function deletePolicy(workspace: string, { name, scope }: Policy): Promise<void> {
  if (scope === "instance") {
    await api.DELETE("/api/policies/delete/{name}", { params: { path: { name } }, parseAs: "text" });
  } else {
    const params = { path: { workspace, name } };
    await api.DELETE("/api/w/{workspace}/policies/delete/{name}", { params, parseAs: "text" });
  }
}
