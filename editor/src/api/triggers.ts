import { queryOptions } from "@tanstack/react-query";
import { untilPassed } from "../lib/until-passed";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Schedule = components["schemas"]["Schedule"];
export type NewSchedule = components["schemas"]["CreateSchedule"];
export type Route = components["schemas"]["HttpTrigger"];
export type NewRoute = components["schemas"]["CreateHttpTrigger"];

const LIMIT = "1000";

/** Query of the schedules of a workflow. */
export const schedulesQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["schedules", workspace, path],
    queryFn: async () => {
      const query = { path, is_flow: "true", per_page: LIMIT } as never;
      const { data } = await api.GET("/api/w/{workspace}/schedules/list", { params: { path: { workspace }, query } });
      return data ?? [];
    },
  });

/**
 * Query of the next five times of a cron expression in a time zone, as ISO 8601 text. Fails for an invalid expression.
 * The times are fetched again when the first of them has passed.
 */
export const ticksQuery = (schedule: string, timezone: string) =>
  queryOptions({
    queryKey: ["ticks", schedule, timezone],
    retry: false,
    staleTime: 30_000,
    refetchInterval: ({ state }) => untilPassed(state.data?.[0], Date.now()),
    queryFn: async () => {
      const { data } = await api.POST("/api/schedules/preview", { body: { schedule, timezone } });
      return data ?? [];
    },
  });

export async function createSchedule(workspace: string, body: NewSchedule): Promise<void> {
  await api.POST("/api/w/{workspace}/schedules/create", { params: { path: { workspace } }, body, parseAs: "text" });
}

export async function updateSchedule(workspace: string, { path, ...body }: NewSchedule): Promise<void> {
  await api.POST("/api/w/{workspace}/schedules/update/{path}", {
    params: { path: { workspace, path } },
    body,
    parseAs: "text",
  });
}

export async function enableSchedule(workspace: string, path: string, enabled: boolean): Promise<void> {
  await api.POST("/api/w/{workspace}/schedules/setenabled/{path}", {
    params: { path: { workspace, path } },
    body: { enabled },
    parseAs: "text",
  });
}

export async function deleteSchedule(workspace: string, path: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/schedules/delete/{path}", {
    params: { path: { workspace, path } },
    parseAs: "text",
  });
}

/** Query of the HTTP triggers of a workflow. */
export const routesQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["routes", workspace, path],
    queryFn: async () => {
      const query = { path, is_flow: "true", per_page: LIMIT } as never;
      const { data } = await api.GET("/api/w/{workspace}/http_triggers/list", {
        params: { path: { workspace }, query },
      });
      return data ?? [];
    },
  });

export async function saveRoute(workspace: string, body: NewRoute, isNew: boolean): Promise<void> {
  if (isNew) {
    await api.POST("/api/w/{workspace}/http_triggers/create", {
      params: { path: { workspace } },
      body,
      parseAs: "text",
    });
    return;
  }
  await api.POST("/api/w/{workspace}/http_triggers/update/{path}", {
    params: { path: { workspace, path: body.path } },
    body,
    parseAs: "text",
  });
}

export async function setRouteMode(workspace: string, path: string, mode: "enabled" | "disabled"): Promise<void> {
  await api.POST("/api/w/{workspace}/http_triggers/setmode/{path}", {
    params: { path: { workspace, path } },
    body: { mode },
    parseAs: "text",
  });
}

export async function deleteRoute(workspace: string, path: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/http_triggers/delete/{path}", {
    params: { path: { workspace, path } },
    parseAs: "text",
  });
}

/** Create a token that starts one workflow with all rights of its owner. The token is returned only once. */
export async function createRunToken(workspace: string, path: string): Promise<string> {
  const { data } = await api.POST("/api/users/tokens/create", {
    body: {
      label: t("api.tokenLabel", { path }).slice(0, 100),
      scopes: [`jobs:run:${path}`, `jobs:delegate:${path}`],
      workspace_id: workspace,
    },
    parseAs: "text",
  });
  return String(data);
}

/** Return the URL that starts a workflow. It responds with the result if `waits`, otherwise with the id of the run. */
export function webhookUrl(serverUrl: string, workspace: string, path: string, waits: boolean): string {
  return `${serverUrl}/api/w/${workspace}/jobs/${waits ? "run_wait_result" : "run"}/f/${path}`;
}

export function routeUrl(
  serverUrl: string,
  route: Pick<Route, "workspaced_route" | "workspace_id" | "route_path">,
): string {
  return `${serverUrl}/api/r/${route.workspaced_route ? `${route.workspace_id}/` : ""}${route.route_path}`;
}
