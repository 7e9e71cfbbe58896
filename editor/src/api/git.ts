import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { withReasons } from "./changes";
import { api, warningsOf } from "./client";
import type { components } from "./schema";

export type GitBinding = components["schemas"]["GitBinding"];
export type GitCommit = components["schemas"]["GitCommit"];
export type IncomingItem = components["schemas"]["IncomingItem"];
export type IncomingPlan = components["schemas"]["IncomingPlan"];
export type IncomingDifference = components["schemas"]["IncomingDifference"];
export type BindGit = components["schemas"]["BindGit"];
export type ItemChoice = components["schemas"]["ItemChoice"];

const REFRESH_MS = 5000;

/** Query of the repository that a workspace is bound to, null if it is not. It is repeated while the page is shown. */
export const gitBindingQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["git", workspace, "binding"],
    refetchInterval: REFRESH_MS,
    queryFn: async (): Promise<GitBinding | null> => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/git/get", { params })).data ?? null;
    },
  });

/** Query of the changes of the repository that are not applied. `fetched`: time of the last fetch. */
export const incomingQuery = (workspace: string, fetched: string) =>
  queryOptions({
    queryKey: ["git", workspace, "incoming", fetched],
    queryFn: async (): Promise<IncomingPlan> => {
      const params = { path: { workspace } };
      const { data } = await api.GET("/api/w/{workspace}/git/incoming", { params });
      return data ?? { plan_hash: "", items: [], hidden: 0, uses_truncated: false };
    },
  });

/** Query of the contents of an item of the plan with this hash, before and after its change. */
export const incomingDifferenceQuery = (workspace: string, plan: string, { kind, path }: IncomingItem) =>
  queryOptions({
    queryKey: ["git", workspace, "difference", plan, kind, path],
    retry: false,
    queryFn: async (): Promise<IncomingDifference> => {
      const params = { path: { workspace, kind, path } };
      const { data } = await api.GET("/api/w/{workspace}/git/incoming/{kind}/{path}", { params });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

/** Query of the newest commits. */
export const gitHistoryQuery = (workspace: string, fetched: string) =>
  queryOptions({
    queryKey: ["git", workspace, "history", fetched],
    queryFn: async () => await loadCommits(workspace, 0),
  });

/** Return a page of commits; `before` is `n` of the last one of the page before, 0 for the first page. */
export async function loadCommits(workspace: string, before: number): Promise<GitCommit[]> {
  const params = { path: { workspace }, query: (before ? { before } : {}) as never };
  return (await api.GET("/api/w/{workspace}/git/history", { params })).data ?? [];
}

/** Bind a workspace; return whether the branch exists. */
export async function bindGit(workspace: string, body: BindGit): Promise<boolean> {
  const { data } = await api.POST("/api/w/{workspace}/git/bind", { params: { path: { workspace } }, body });
  return data?.has_branch !== false;
}

export async function unbindGit(workspace: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/git/unbind", { params: { path: { workspace } }, parseAs: "text" });
}

export async function fetchGit(workspace: string): Promise<void> {
  await api.POST("/api/w/{workspace}/git/fetch", { params: { path: { workspace } } });
}

/** Apply these items of a plan, all of them or none. Returns warnings about effects that the plan does not show. */
export async function applyIncoming(
  workspace: string,
  plan: IncomingPlan,
  items: readonly IncomingItem[],
  choices: ItemChoice[],
  message: string,
): Promise<string[]> {
  const keys = items.map(({ kind, path }) => ({ kind, path }));
  const body = { plan_hash: plan.plan_hash, items: keys, choices, message: message || null };
  let warnings: string[] = [];
  await withReasons(async () => {
    const { response } = await api.POST("/api/w/{workspace}/git/apply", { params: { path: { workspace } }, body });
    warnings = warningsOf(response);
  });
  return warnings;
}
