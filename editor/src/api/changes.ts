import { t } from "../texts/api";
import { api, BASE } from "./client";
import type { components } from "./schema";

export type ChangePlan = components["schemas"]["ChangePlan"];

/** Kind of an item that is listed with others of its kind. */
export type ItemKind = "flow" | "script";

/** Return the address of an archive of some items. */
export function archiveAddress(workspace: string, kind: ItemKind, paths: readonly string[]): string {
  const query = new URLSearchParams({ archive_type: "zip", items: paths.map((path) => `${kind}/${path}`).join(",") });
  return `${BASE}/api/w/${encodeURIComponent(workspace)}/workspaces/tarball?${query}`;
}

/** Items of a workspace with their contents, to be created in another one. */
export interface Copied {
  workspace: string;
  items: components["schemas"]["ChangedItem"][];
  plan: ChangePlan;
}

/** Read items, and plan to create them in another workspace. */
export async function planCopy(
  source: string,
  kind: ItemKind,
  paths: readonly string[],
  workspace: string,
): Promise<Copied> {
  const read = await api.POST("/api/w/{workspace}/changes/read", {
    params: { path: { workspace: source } },
    body: { items: paths.map((path) => ({ kind, path })) },
  });
  const items = (read.data ?? []).map(({ path, content }) => ({ kind, path, base: null, content }));
  const plan = await api.POST("/api/w/{workspace}/changes/plan", {
    params: { path: { workspace } },
    body: { items },
  });
  if (!plan.data) throw new Error(t("api.noData"));
  return { workspace, items, plan: plan.data };
}

/** Create the items in the other workspace, all of them or none. `force`: replace those that exist. */
export async function copyItems(source: string, { workspace, items, plan }: Copied, force: boolean): Promise<void> {
  const params = { path: { workspace } };
  const body = { items, force };
  const hash = force
    ? (await api.POST("/api/w/{workspace}/changes/plan", { params, body })).data?.plan_hash
    : plan.plan_hash;
  await api.POST("/api/w/{workspace}/changes/apply", {
    params,
    body: { ...body, plan_hash: hash ?? "", message: t("api.copiedFrom", { workspace: source }) },
  });
}
