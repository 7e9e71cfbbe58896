import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Alert = components["schemas"]["Alert"];

/** Destination of alerts. Its secrets are masked; a mask that is sent back leaves the secret unchanged. */
export interface Channel {
  kind: "email" | "slack" | "webhook";
  url?: string;
  headers?: Record<string, string>;
  /** Mail server of the channel; without one, mails are sent by that of the instance. */
  host?: string;
  port?: number;
  tls?: string;
  user?: string;
  password?: string;
  sender?: string;
  to?: string[];
  /** Events of deployments that are sent to it. */
  deployments?: DeploymentEvent[];
}

export type DeploymentEvent = "requested" | "approved" | "rejected" | "applied" | "failed" | "rolled_back" | "held";

/** Conditions and channels of alerts, the value of the setting of the instance. */
export interface AlertSettings {
  /** Channels by name; missing: none. */
  channels?: Record<string, Channel>;
  queue_age_s: number | null;
  no_worker_s: number | null;
  database_bytes: number | null;
  disk_free_percent: number | null;
  failing_workflows: boolean;
  group_workers?: Record<string, number>;
  lost_workers?: boolean;
  missed_schedules?: boolean;
  token_expiry_days?: number | null;
}

/** Send a test message to a stored channel. Return the outcome. */
export async function testChannel(channel: string): Promise<{ success: boolean; message: string }> {
  const { data } = await api.POST("/api/settings/test_alert_channel", { body: { channel } });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

const REFRESH_MS = 15_000;

/** Query of the channels whose last message could not be sent. */
export const alertFailuresQuery = queryOptions({
  queryKey: ["alerts", "failures"],
  refetchInterval: REFRESH_MS,
  queryFn: async () => (await api.GET("/api/settings/list_alert_failures")).data ?? [],
});

export const alertsQuery = queryOptions({
  queryKey: ["alerts", "list"],
  refetchInterval: REFRESH_MS,
  queryFn: async () => (await api.GET("/api/alerts/list")).data ?? [],
});

export const errorHandlerQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["error-handler", workspace],
    queryFn: async () => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/workspaces/get_settings", { params })).data ?? null;
    },
  });

/** Set the error handler of a workspace (`flow/<path>` or `script/<path>`), which is `base`; null: none. */
export async function saveErrorHandler(workspace: string, handler: string | null, base: string | null): Promise<void> {
  const params = { path: { workspace } };
  const body = { error_handler: handler, base };
  await api.POST("/api/w/{workspace}/workspaces/edit_error_handler", { params, body, parseAs: "text" });
}
