import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type WorkerGroup = components["schemas"]["WorkerGroup"];
export type NamedWorkerGroup = components["schemas"]["NamedWorkerGroup"];

export const workerGroupsQuery = queryOptions({
  queryKey: ["worker-groups"],
  queryFn: async () => (await api.GET("/api/configs/list_worker_groups")).data ?? [],
});

/** Replace the settings of a worker group. Fails with `version_conflict` if they are not at version `base`. */
export async function saveWorkerGroup(name: string, group: WorkerGroup, base: string): Promise<void> {
  const body = { ...group, base_version: base };
  await api.POST("/api/configs/update/{name}", { params: { path: { name } }, body, parseAs: "text" });
}

/** Delete the settings of a worker group. Fails with `version_conflict` if they are not at version `base`. */
export async function deleteWorkerGroup(name: string, base: string): Promise<void> {
  const params = { path: { name }, query: { base_version: base } };
  await api.DELETE("/api/configs/delete/{name}", { params, parseAs: "text" });
}
