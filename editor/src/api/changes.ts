import { ApiError } from "../lib/api-error";
import { t } from "../texts/api";
import { api, BASE, warningsOf } from "./client";
import type { components } from "./schema";

export type ChangePlan = components["schemas"]["ChangePlan"];

/** Kind of an item that is listed with others of its kind. */
export type ItemKind = "flow" | "script";

/** Return the address of an archive of some items, of workflows with their tests. */
export function archiveAddress(workspace: string, kind: ItemKind, paths: readonly string[]): string {
  const items = paths.map((path) => `${kind}/${path}`).join(",");
  const query = new URLSearchParams({ archive_type: "zip", include_tests: "true", items });
  return `${BASE}/api/w/${encodeURIComponent(workspace)}/workspaces/tarball?${query}`;
}

/** Archive items, or restore them: all of them or none. */
export async function setItemsArchived(
  workspace: string,
  kind: ItemKind,
  paths: readonly string[],
  archived: boolean,
): Promise<void> {
  const params = { path: { workspace } };
  const body = { items: paths.map((path) => ({ kind, path })), archived };
  await withReasons(() => api.POST("/api/w/{workspace}/changes/set_archived", { params, body, parseAs: "text" }));
}

/** Items of a workspace with their contents, to be created in another one. */
export interface Copied {
  workspace: string;
  items: components["schemas"]["ChangedItem"][];
  /** True to replace those that exist. */
  force: boolean;
  plan: ChangePlan;
}

/** Read items, and plan to create them in another workspace. `force`: replace those that exist. */
export async function planCopy(
  source: string,
  kind: ItemKind,
  paths: readonly string[],
  workspace: string,
  force: boolean,
): Promise<Copied> {
  const read = await api.POST("/api/w/{workspace}/changes/read", {
    params: { path: { workspace: source } },
    body: { items: paths.map((path) => ({ kind, path })) },
  });
  const items = (read.data ?? []).map(({ path, content }) => ({ kind, path, base: null, content }));
  return { workspace, items, force, plan: await planItems(workspace, items, force) };
}

/** Apply the plan of a copy, all of it or nothing. */
export async function copyItems(source: string, { workspace, items, force, plan }: Copied): Promise<void> {
  const params = { path: { workspace } };
  const message = t("api.copiedFrom", { workspace: source });
  const body = { items, force, plan_hash: plan.plan_hash, message };
  await withReasons(() => api.POST("/api/w/{workspace}/changes/apply", { params, body }));
}

/** Return the address of an archive of a workspace, with all kinds of items. Secrets have no values, or encrypted ones. */
export function workspaceArchiveAddress(workspace: string, secrets: "blank" | "encrypted" = "blank"): string {
  const kinds = ["schedules", "triggers", "groups", "tests"].map((kind) => [`include_${kind}`, "true"]);
  const query = new URLSearchParams([["archive_type", "zip"], ["secret_mode", secrets], ...kinds]);
  return `${BASE}/api/w/${encodeURIComponent(workspace)}/workspaces/tarball?${query}`;
}

/** Return the key of the encrypted secrets in archives of a workspace. */
export async function getExportKey(workspace: string): Promise<string> {
  const { data } = await api.GET("/api/w/{workspace}/workspaces/encryption_key", { params: { path: { workspace } } });
  if (!data) throw new Error(t("api.noData"));
  return data.key;
}

/** Set the key of the encrypted secrets in archives of a workspace. */
export async function setExportKey(workspace: string, key: string): Promise<void> {
  const params = { path: { workspace } };
  const body = { new_key: key };
  await api.POST("/api/w/{workspace}/workspaces/encryption_key", { params, body, parseAs: "text" });
}

type ChangedItem = components["schemas"]["ChangedItem"];

/** Items of an archive, and their effect on a workspace. */
export interface PlannedImport {
  items: ChangedItem[];
  failed: components["schemas"]["UnreadableItem"][];
  leftOut: string[];
  /** Effects that the plan does not show. */
  warnings: string[];
  plan: ChangePlan;
}

/** Read the items of an archive and plan to store them, based on the present versions: later changes are conflicts. */
export async function planImport(workspace: string, file: File): Promise<PlannedImport> {
  const params = { path: { workspace } };
  const { data, response } = await api.POST("/api/w/{workspace}/changes/archive", {
    params,
    body: file as unknown as string,
    headers: { "Content-Type": "application/octet-stream" },
    bodySerializer: () => file,
  });
  if (!data) throw new Error(t("api.noData"));
  const { items: found, failed, left_out } = data;
  const items: ChangedItem[] = found.map(({ kind, path, content }) => ({ kind, path, base: null, content }));
  const first = await planItems(workspace, items);
  const present = new Map(first.entries.map(({ kind, path, hash }) => [`${kind} ${path}`, hash ?? null]));
  const based = items.map((each) => ({ ...each, base: present.get(`${each.kind} ${each.path}`) ?? null }));
  const warnings = warningsOf(response);
  const planned = { items: based, failed, leftOut: left_out, warnings, plan: await planItems(workspace, based) };
  const isReady = failed.length === 0 && planned.plan.entries.every(({ action }) => action !== "conflict");
  if (isReady && !planned.plan.nothing_to_do) await applyItems(workspace, planned, { check_only: true });
  return planned;
}

async function planItems(workspace: string, items: ChangedItem[], force = false): Promise<ChangePlan> {
  const params = { path: { workspace } };
  const { data } = await api.POST("/api/w/{workspace}/changes/plan", { params, body: { items, force } });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

/** Store the items of an archive, all of them or none. */
export const importItems = (workspace: string, found: PlannedImport, message: string): Promise<void> =>
  applyItems(workspace, found, { message });

/** Apply a plan, or only check that it can be applied. */
async function applyItems(
  workspace: string,
  { items, plan }: PlannedImport,
  options: { message?: string; check_only?: boolean },
): Promise<void> {
  const params = { path: { workspace } };
  const body = { items, plan_hash: plan.plan_hash, ...options };
  await withReasons(() => api.POST("/api/w/{workspace}/changes/apply", { params, body }));
}

/** Send a call that changes many items. The error names each item that cannot be changed, with the reason. */
export async function withReasons(send: () => Promise<unknown>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "changes_refused" || !Array.isArray(error.details)) throw error;
    const reasons = error.details.map(({ path, error: { message } }) => `${path}: ${message}`);
    throw new ApiError(error.status, error.code, [error.message, ...reasons].join(" "), null, error.details);
  }
}
