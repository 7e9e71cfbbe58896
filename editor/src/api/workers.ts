import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Worker = components["schemas"]["Worker"];
export type Queue = components["schemas"]["Queue"];

const REFRESH_MS = 4000;
const SEEN_WITHIN_S = 600;
const LIMIT = 1000;

/** Workers and queues at the time `at` (milliseconds), with the jobs per second of each worker. */
export interface WorkerStatus {
  at: number;
  workers: Worker[];
  queues: Queue[];
  rates: Record<string, number>;
}

/** Return the jobs per second by worker, from two snapshots. New workers are left out. */
export function ratesOf(before: WorkerStatus | undefined, workers: Worker[], at: number): Record<string, number> {
  const seconds = before ? (at - before.at) / 1000 : 0;
  if (!before || seconds <= 0) return {};
  const executed = new Map(before.workers.map((each) => [each.id, each.jobs_executed]));
  return Object.fromEntries(
    workers
      .filter((each) => executed.has(each.id))
      .map((each) => [each.id, Math.max(0, each.jobs_executed - (executed.get(each.id) ?? 0)) / seconds]),
  );
}

export const workersQuery = (before: () => WorkerStatus | undefined) =>
  queryOptions({
    queryKey: ["workers"],
    refetchInterval: REFRESH_MS,
    queryFn: async (): Promise<WorkerStatus> => {
      const query = { ping_since: SEEN_WITHIN_S, per_page: LIMIT };
      const [workers, queues] = await Promise.all([
        api.GET("/api/workers/list", { params: { query } }),
        api.GET("/api/workers/queues"),
      ]);
      const at = Date.now();
      const found = workers.data ?? [];
      return { at, workers: found, queues: queues.data ?? [], rates: ratesOf(before(), found, at) };
    },
  });

/** Drain or resume a worker. */
export async function drainWorker(id: string, drained: boolean): Promise<void> {
  await api.POST("/api/workers/drain/{id}", { params: { path: { id } }, body: { drained }, parseAs: "text" });
}
