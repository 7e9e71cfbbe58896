import { api } from "./client";
import type { components } from "./schema";

export type RunEvent = components["schemas"]["RunEvent"];

const PAGE = 1000;

/** Fetch all events of a run after `after` (null: from its start), and the position of the last one. */
export async function eventsAfter(
  workspace: string,
  run: string,
  after: string | null,
): Promise<{ events: RunEvent[]; last: string | null }> {
  const events: RunEvent[] = [];
  for (let last = after; ; ) {
    const { data } = await api.GET("/api/v1/runs/{run_id}/events", {
      params: { path: { run_id: run }, query: { per_page: PAGE, ...(last ? { after: last } : {}) } },
      headers: { "X-Workspace": workspace },
    });
    if (!data) return { events, last };
    events.push(...data.events);
    last = data.last ?? last;
    if (!data.more) return { events, last };
  }
}
