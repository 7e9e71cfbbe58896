import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type WorkerGroup = components["schemas"]["WorkerGroup"];
export type NamedWorkerGroup = components["schemas"]["NamedWorkerGroup"];

export const workerGroupsQuery = queryOptions({
  queryKey: ["worker-groups"],
  queryFn: async () => (await api.GET("/api/configs/list_worker_groups")).data ?? [],
});

/** Replace the settings of a worker group. */
export async function saveWorkerGroup(name: string, body: WorkerGroup): Promise<void> {
  await api.POST("/api/configs/update/{name}", { params: { path: { name } }, body, parseAs: "text" });
}

/** Delete the settings of a worker group. */
export async function deleteWorkerGroup(name: string): Promise<void> {
  await api.DELETE("/api/configs/delete/{name}", { params: { path: { name } }, parseAs: "text" });
}
