import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { allPages } from "./all-pages";
import { api } from "./client";
import type { components } from "./schema";

export type Environment = components["schemas"]["Environment"];
export type EnvironmentRules = components["schemas"]["Environment"]["rules"];
export type EnvironmentState = components["schemas"]["EnvironmentState"];
export type Deployment = components["schemas"]["Deployment"];
export type DeploymentCheck = components["schemas"]["DeploymentCheck"];
export type DeploymentRequest = components["schemas"]["DeploymentRequest"];
export type DetailedRequest = components["schemas"]["DetailedRequest"];
export type BlockingReason = components["schemas"]["BlockingReason"];
export type PlanEntry = components["schemas"]["PlanEntry"];
export type RequestedChange = components["schemas"]["RequestedChange"];
export type ReplacedRelease = components["schemas"]["ReplacedRelease"];
export type DriftItem = components["schemas"]["DriftItem"];
export type ItemInUse = components["schemas"]["ItemInUse"];
export type TriggerOwner = components["schemas"]["TriggerOwner"];
export type Decision = components["schemas"]["Decision"];
export type Release = components["schemas"]["Release"];
export type ReleaseSummary = components["schemas"]["ReleaseSummary"];
export type ReleasedItem = components["schemas"]["ReleasedItem"];
export type EnabledTrigger = components["schemas"]["EnabledTrigger"];
export type RemovedItem = components["schemas"]["RemovedItem"];

/** Return the data of a response. */
function present<T>({ data }: { data?: T }): T {
  if (data === undefined) throw new Error(t("api.noData"));
  return data;
}

/** Number of rows of a page of releases or deployments. */
const PAGE = 30;

/** Return the query of the page below the row `before`; null: the first page. */
const pageQuery = (before: number | null) =>
  ({ per_page: String(PAGE), ...(before === null ? {} : { before: String(before) }) }) as never;

/** Query of the environments whose workspace the user is a member of, in the order of the pipeline. */
export const environmentsQuery = queryOptions({
  queryKey: ["environments"],
  queryFn: async () => present(await api.GET("/api/environments/list")),
});

/** Values of an environment to create. */
export interface NewEnvironment {
  name: string;
  workspace: string;
  /** Place in the pipeline, from 1. */
  position: number;
  color: string;
  rules: EnvironmentRules;
}

/** Create an environment. For superadmins. */
export async function createEnvironment(environment: NewEnvironment): Promise<void> {
  await api.POST("/api/environments/create", { body: environment as never });
}

/** Change the place, colour and rules of an environment, based on one of its versions. For superadmins. */
export async function updateEnvironment(
  name: string,
  changes: Omit<NewEnvironment, "name" | "workspace"> & { base_version: number },
): Promise<void> {
  const params = { path: { name } };
  await api.POST("/api/environments/update/{name}", { params, body: changes as never });
}

/** Delete an environment; its workspace remains. For superadmins. */
export async function deleteEnvironment(name: string): Promise<void> {
  await api.DELETE("/api/environments/delete/{name}", { params: { path: { name } }, parseAs: "text" });
}

/** Milliseconds between two reads of a deployment whose checks, or a rollback after them, have not ended. */
const CHECK_MS = 2_000;

const checkInterval = (check: DeploymentCheck | null | undefined): number | false =>
  check && (check.state === "waiting" || check.state === "running" || check.rollback === "due") ? CHECK_MS : false;

/** Query of the environment of a workspace with what runs there. */
export const environmentQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["environment", workspace],
    retry: false,
    refetchInterval: ({ state }) => checkInterval(state.data?.current?.check),
    queryFn: async () =>
      present(await api.GET("/api/w/{workspace}/deployments/environment", { params: { path: { workspace } } })),
  });

/** Query of the deployments to the environment of a workspace, newest first, by pages. */
export const deploymentsQuery = (workspace: string) =>
  infiniteQueryOptions({
    queryKey: ["deployments", workspace],
    initialPageParam: null as number | null,
    queryFn: async ({ pageParam }) => {
      const params = { path: { workspace }, query: pageQuery(pageParam) };
      return present(await api.GET("/api/w/{workspace}/deployments/history", { params }));
    },
    getNextPageParam: (last) => (last.length < PAGE ? null : (last.at(-1)?.id ?? null)),
  });

/** Query of the open requests to deploy to the environment of a workspace, newest first. */
export const openRequestsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["deployment-requests", workspace],
    queryFn: () =>
      allPages(
        (page) => {
          const params = { path: { workspace }, query: { state: "open", ...page } as never };
          return api.GET("/api/w/{workspace}/deployments/list", { params });
        },
        ({ id }) => ({ before: String(id) }),
      ),
  });

/** Query of the effect of a release on the environment of a workspace. Reports items changed there as conflicts. */
export const planQuery = (workspace: string, source: string, number: number) =>
  queryOptions({
    queryKey: ["environment", workspace, "plan", source, number],
    retry: false,
    queryFn: async () => {
      const body = { source, number, overwrite: false };
      return present(await api.POST("/api/w/{workspace}/deployments/plan", { params: { path: { workspace } }, body }));
    },
  });

/** Query of the requests that wait for the approval of the user, oldest first. */
export const waitingRequestsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["deployment-requests", workspace, "waiting"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { waiting: true, per_page: "1000" } as never };
      return present(await api.GET("/api/w/{workspace}/deployments/list", { params }));
    },
  });

/** Query of a request with its plan as it is now. */
export const requestQuery = (workspace: string, id: number) =>
  queryOptions({
    queryKey: ["deployment-request", workspace, id],
    retry: false,
    refetchInterval: ({ state }) => checkInterval(state.data?.check),
    queryFn: async () =>
      present(await api.GET("/api/w/{workspace}/deployments/get/{id}", { params: { path: { workspace, id } } })),
  });

/** Query of the items that a request changes, with their contents before and after. */
export const changesQuery = (workspace: string, id: number) =>
  queryOptions({
    queryKey: ["deployment-request", workspace, id, "changes"],
    queryFn: async () =>
      present(await api.GET("/api/w/{workspace}/deployments/changes/{id}", { params: { path: { workspace, id } } })),
  });

/** Query of the releases of a workspace, newest first, by pages. */
export const releasesQuery = (workspace: string) =>
  infiniteQueryOptions({
    queryKey: ["releases", workspace],
    initialPageParam: null as number | null,
    queryFn: async ({ pageParam }) => {
      const params = { path: { workspace }, query: pageQuery(pageParam) };
      return present(await api.GET("/api/w/{workspace}/releases/list", { params }));
    },
    getNextPageParam: (last) => (last.length < PAGE ? null : (last.at(-1)?.number ?? null)),
  });

/** Query of a release with its content. */
export const releaseQuery = (workspace: string, number: number) =>
  queryOptions({
    queryKey: ["release", workspace, number],
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () =>
      present(await api.GET("/api/w/{workspace}/releases/get/{number}", { params: { path: { workspace, number } } })),
  });

/** Query of the workflows, scripts, schedules and HTTP triggers of a workspace. */
export const releasableItemsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["releasable-items", workspace],
    queryFn: async (): Promise<ReleasedItem[]> => {
      const params = { path: { workspace } };
      const page = (query: Record<string, string>) => ({ params: { ...params, query: query as never } });
      const after = ({ path }: { path: string }) => ({ after: path });
      const [flows, scripts, schedules, triggers] = await Promise.all([
        api.GET("/api/w/{workspace}/flows/list_paths", { params }),
        api.GET("/api/w/{workspace}/scripts/list_paths", { params }),
        allPages((query) => api.GET("/api/w/{workspace}/schedules/list", page(query)), after),
        allPages((query) => api.GET("/api/w/{workspace}/http_triggers/list", page(query)), after),
      ]);
      return [
        ...(flows.data ?? []).map((path) => ({ kind: "flow" as const, path })),
        ...(scripts.data ?? []).map((path) => ({ kind: "script" as const, path })),
        ...schedules.map(({ path }) => ({ kind: "schedule" as const, path })),
        ...triggers.map(({ path }) => ({ kind: "http_trigger" as const, path })),
      ];
    },
  });

/** Create a release of items and everything that they reference. `enabled`: new triggers that an environment enables. */
export async function createRelease(
  workspace: string,
  items: ReleasedItem[],
  removed: RemovedItem[],
  enabled: EnabledTrigger[],
  notes: string,
): Promise<Release> {
  const body = { items, removed, enabled, notes };
  return present(await api.POST("/api/w/{workspace}/releases/create", { params: { path: { workspace } }, body }));
}

/** Store a release from a file, whose content the server checks. */
export async function importRelease(workspace: string, file: unknown): Promise<Release> {
  const body = { file: file as components["schemas"]["SignedRelease"] };
  return present(await api.POST("/api/w/{workspace}/releases/import", { params: { path: { workspace } }, body }));
}

/** Request the deployment of a release to the environment of a workspace. */
export async function createRequest(workspace: string, source: string, number: number): Promise<DetailedRequest> {
  const body = { source, number };
  return present(await api.POST("/api/w/{workspace}/deployments/create", { params: { path: { workspace } }, body }));
}

/** Approve the plan of a request. */
export async function approveRequest(workspace: string, id: number, plan: string, comment: string): Promise<void> {
  const body = { plan_hash: plan, comment: comment || null };
  await api.POST("/api/w/{workspace}/deployments/approve/{id}", { params: { path: { workspace, id } }, body });
}

export async function rejectRequest(workspace: string, id: number, comment: string): Promise<void> {
  const body = { comment: comment || null };
  await api.POST("/api/w/{workspace}/deployments/reject/{id}", { params: { path: { workspace, id } }, body });
}

/** Comment on a request, or on one item of its plan. */
export async function commentRequest(
  workspace: string,
  id: number,
  comment: string,
  item: { kind: string; path: string } | null = null,
): Promise<void> {
  const params = { path: { workspace, id } };
  await api.POST("/api/w/{workspace}/deployments/comment/{id}", { params, body: { comment, ...item } });
}

/** Ask these approvers, and nobody else, to approve a request. */
export async function assignRequest(workspace: string, id: number, assignees: string[]): Promise<void> {
  const params = { path: { workspace, id } };
  await api.POST("/api/w/{workspace}/deployments/assign/{id}", { params, body: { assignees } });
}

export async function withdrawRequest(workspace: string, id: number): Promise<void> {
  await api.POST("/api/w/{workspace}/deployments/withdraw/{id}", { params: { path: { workspace, id } } });
}

/** Renew the plan of a request. `overwrite`: replace items that were changed in the environment. */
export async function renewRequest(workspace: string, id: number, overwrite: boolean): Promise<void> {
  const params = { path: { workspace, id } };
  await api.POST("/api/w/{workspace}/deployments/renew/{id}", { params, body: { overwrite } });
}

/** Apply the plan of a request. `reason`: reason for bypassing unfulfilled rules; empty: they are not bypassed. */
export async function applyRequest(workspace: string, id: number, plan: string, reason: string): Promise<void> {
  const body = { plan_hash: plan, bypass_reason: reason || null };
  await api.POST("/api/w/{workspace}/deployments/apply/{id}", { params: { path: { workspace, id } }, body });
}

/** Deploy an earlier release again, and hold promotions. Return the request, which stays open if it needs approvals. */
export async function rollBack(workspace: string, reason: string, source: string, number: number) {
  const body = { reason, source, number };
  return present(await api.POST("/api/w/{workspace}/deployments/rollback", { params: { path: { workspace } }, body }));
}

/** Promote the releases of the previous environment automatically, with the rights of the user, or no longer. */
export async function setAutomatic(workspace: string, enabled: boolean): Promise<void> {
  const params = { path: { workspace } };
  await api.POST("/api/w/{workspace}/deployments/automatic", { params, body: { enabled }, parseAs: "text" });
}

/** Permit promotions again after a rollback. */
export async function liftHold(workspace: string): Promise<void> {
  await api.POST("/api/w/{workspace}/deployments/lift_hold", { params: { path: { workspace } }, parseAs: "text" });
}
