import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import type { Json } from "../workflow/types";
import { api } from "./client";
import { startFlow } from "./runs";
import type { components } from "./schema";

export type ListedSchedule = components["schemas"]["ScheduleWithJobs"];
export type ScheduleCalendar = components["schemas"]["Calendar"];

/** Maximum number of schedules in the list. */
export const LIMIT = 200;
const REFRESH_MS = 15_000;

/** Query of the schedules of a workspace with their last runs and the next five times. */
export const allSchedulesQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["schedules", workspace, "all"],
    refetchInterval: REFRESH_MS,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/schedules/list_with_jobs", {
        params: { path: { workspace }, query: { per_page: String(LIMIT) } as never },
      });
      return data ?? [];
    },
  });

/** Query of past and future runs of schedules between two times (ISO 8601). */
export const calendarQuery = (workspace: string, since: string, until: string) =>
  queryOptions({
    queryKey: ["schedules", workspace, "calendar", since, until],
    refetchInterval: REFRESH_MS,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/schedules/calendar", {
        params: { path: { workspace }, query: { since, until } },
      });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Start the workflow or script of a schedule with its inputs. Return the id of the run. */
export async function runNow(workspace: string, schedule: ListedSchedule): Promise<string> {
  const args = (schedule.args ?? {}) as Json;
  if (schedule.is_flow) return startFlow(workspace, schedule.script_path, args);
  const { data } = await api.POST("/api/w/{workspace}/jobs/run/p/{path}", {
    params: { path: { workspace, path: schedule.script_path }, header: { "X-Trigger": "manual" } } as never,
    body: args as never,
    parseAs: "text",
  });
  return String(data);
}
