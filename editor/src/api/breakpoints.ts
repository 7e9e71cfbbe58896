import { queryOptions } from "@tanstack/react-query";
import type { Json, Tree } from "../workflow/types";
import { api } from "./client";
import type { components } from "./schema";

export type RunPauses = components["schemas"]["RunPauses"];
export type PausedNode = components["schemas"]["PausedNode"];
export type PausedInputs = components["schemas"]["PausedInputs"];

const workspaceHeader = (workspace: string) => ({ "X-Workspace": workspace });

/** Query of the breakpoints and paused jobs of a run. `revision` differs after each change. */
export const pausesQuery = (workspace: string, run: string, revision: string) =>
  queryOptions({
    queryKey: ["run", workspace, run, "pauses", revision],
    queryFn: async () => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/pauses", {
        params: { path: { run_id: run } },
        headers: workspaceHeader(workspace),
      });
      return data as RunPauses;
    },
  });

/** Query of a paused node with its evaluated inputs. */
export const pausedQuery = (workspace: string, run: string, job: string) =>
  queryOptions({
    queryKey: ["run", workspace, run, "paused", job],
    staleTime: 0,
    queryFn: async () => {
      const { data } = await api.GET("/api/v1/runs/{run_id}/pauses/{job}", {
        params: { path: { run_id: run, job } },
        headers: workspaceHeader(workspace),
      });
      return data as PausedInputs;
    },
  });

export async function setBreakpoint(workspace: string, run: string, node: string, when: string | null): Promise<void> {
  await api.PUT("/api/v1/runs/{run_id}/pauses/before/{node}", {
    params: { path: { run_id: run, node } },
    headers: workspaceHeader(workspace),
    body: { if: when } as never,
  });
}

export async function removeBreakpoint(workspace: string, run: string, node: string): Promise<void> {
  await api.DELETE("/api/v1/runs/{run_id}/pauses/before/{node}", {
    params: { path: { run_id: run, node } },
    headers: workspaceHeader(workspace),
  });
}

/** Values that a paused node continues with: its own, changed inputs, or a result. */
export type Continuation = Record<string, never> | { inputs: Tree } | { result: Json };

export async function continueNode(workspace: string, run: string, job: string, given: Continuation): Promise<void> {
  await api.POST("/api/v1/runs/{run_id}/pauses/{job}/continue", {
    params: { path: { run_id: run, job } },
    headers: workspaceHeader(workspace),
    body: given as never,
  });
}
