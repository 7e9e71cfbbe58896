import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { components } from "./schema";

export type WaitingApproval = components["schemas"]["WaitingApproval"];
export type FormField = components["schemas"]["FormField"];

const LIMIT = 200;
const REFRESH_MS = 5000;

/** Query of the open approvals of a workspace, oldest first. */
export const approvalsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["approvals", workspace],
    refetchInterval: REFRESH_MS,
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/approvals/list", {
        params: { path: { workspace }, query: { per_page: LIMIT } },
      });
      return data ?? [];
    },
  });

/** Return the open approvals of a node of a run, oldest first; with `job`, only that of this job. */
export function approvalsOf(
  inbox: readonly WaitingApproval[],
  run: string,
  node: string,
  job: string | null,
): WaitingApproval[] {
  return inbox.filter((each) => each.run === run && each.node === node && (job === null || each.job === job));
}

/** Return the open approvals with the decided ones in their former state, also those that await further approvers. */
export function withDecided(open: readonly WaitingApproval[], decided: readonly WaitingApproval[]): WaitingApproval[] {
  const jobs = new Set(decided.map((each) => each.job));
  return [...open.filter((each) => !jobs.has(each.job)), ...decided].sort((a, b) =>
    a.opened_at.localeCompare(b.opened_at),
  );
}

export interface Decision {
  approved: boolean;
  reason: string;
  /** Entered texts by field. */
  fields: Record<string, string>;
}

/** Decide an approval. Return the decision and its user. */
export async function decide(workspace: string, approval: WaitingApproval, { approved, reason, fields }: Decision) {
  const { data } = await api.POST("/api/v1/runs/{id}/consent", {
    params: { path: { id: approval.run } },
    headers: { "X-Workspace": workspace },
    body: { decision: approved ? "approved" : "rejected", reason: reason || null, node: approval.job, fields },
  });
  return data;
}
