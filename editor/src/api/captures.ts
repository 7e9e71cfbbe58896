import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type Capture = components["schemas"]["Capture"];

const REFRESH_MS = 2_000;

/** The server captures for a minute after the start and each ping. */
export const PING_MS = 20_000;

/** Kind of the triggers whose requests are captured. */
export type CaptureKind = "webhook" | "http";

/** Start to capture requests to a workflow. */
export async function startListening(workspace: string, path: string, kind: CaptureKind): Promise<void> {
  await api.POST("/api/w/{workspace}/capture/set_config", {
    params: { path: { workspace } },
    body: { trigger_kind: kind, path, is_flow: true },
  });
}

/** Continue to capture for a minute. Throws if the workflow is no longer captured. */
export async function pingListening(workspace: string, path: string, kind: CaptureKind): Promise<void> {
  await api.POST("/api/w/{workspace}/capture/ping_config/{trigger_kind}/{runnable_kind}/{path}", {
    params: { path: { workspace, trigger_kind: kind, runnable_kind: "flow", path } },
  });
}

/** Query of the captured requests of a workflow, newest first, repeated while `listening`. */
export const capturesQuery = (workspace: string, path: string, kind: CaptureKind, listening: boolean) =>
  queryOptions({
    queryKey: ["captures", workspace, path, kind],
    enabled: listening,
    refetchInterval: listening && REFRESH_MS,
    queryFn: async (): Promise<Capture[]> => {
      const { data } = await api.GET("/api/w/{workspace}/capture/list/{runnable_kind}/{path}", {
        params: { path: { workspace, runnable_kind: "flow", path }, query: { trigger_kind: kind } },
      });
      return data ?? [];
    },
  });

/** Return the URL whose requests are captured instead of starting runs. */
export function captureUrl(serverUrl: string, workspace: string, path: string, kind: CaptureKind): string {
  return `${serverUrl}/api/w/${workspace}/capture_u/${kind}/flow/${path}`;
}
