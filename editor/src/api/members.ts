import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

export type Member = components["schemas"]["WorkspaceUser"];
export type Departure = components["schemas"]["Departure"];
export type OwnerlessItem = components["schemas"]["OwnerlessItem"];
export type ActingItem = components["schemas"]["ActingItem"];
export type Transfer = components["schemas"]["Transfer"];
export type Role = "admin" | "developer" | "operator" | "viewer";

/** Query of the user as a member of the workspace. */
export const ownMemberQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace, "me"],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/users/whoami", { params: { path: { workspace } } });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

export const membersQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace, "list"],
    queryFn: async () =>
      (await api.GET("/api/w/{workspace}/users/list", { params: { path: { workspace } } })).data ?? [],
  });

/** Return whether a member can be the owner of items: neither the member nor its account is disabled. */
export const isActive = ({ disabled, account_disabled }: Member): boolean => !disabled && !account_disabled;

export const invitationsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace, "invitations"],
    queryFn: async () => {
      const params = { path: { workspace } };
      return (await api.GET("/api/w/{workspace}/workspaces/list_pending_invites", { params })).data ?? [];
    },
  });

/** Query of the items that act for disabled or removed members. */
export const ownerlessQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["members", workspace, "ownerless"],
    queryFn: async () => {
      const params = { path: { workspace }, query: { per_page: "1000" } as never };
      return (await api.GET("/api/w/{workspace}/ownership/list", { params })).data ?? [];
    },
  });

/** Query of what stops if a member is disabled or removed. */
export const memberDepartureQuery = (workspace: string, username: string) =>
  queryOptions({
    queryKey: ["members", workspace, "departure", username],
    gcTime: 0,
    queryFn: async () => {
      const params = { path: { workspace, username } };
      const { data } = await api.GET("/api/w/{workspace}/users/departure/{username}", { params });
      if (!data) throw new Error(t("api.noData"));
      return data;
    },
  });

export async function addMember(workspace: string, email: string, role: Role, username: string | null) {
  const params = { path: { workspace } };
  const body = { email, role, username };
  await api.POST("/api/w/{workspace}/workspaces/add_user", { params, body, parseAs: "text" });
}

/** An invitation that was sent. */
export interface SentInvitation {
  mailed: boolean;
  hasAccount: boolean;
}

/** Invite an address. */
export async function inviteMember(workspace: string, email: string, role: Role): Promise<SentInvitation> {
  const params = { path: { workspace } };
  const call = "/api/w/{workspace}/workspaces/invite_user";
  const { data } = await api.POST(call, { params, body: { email, role }, parseAs: "text" });
  const text = String(data);
  return { mailed: text.endsWith(" by mail."), hasAccount: !text.includes("who has no account yet") };
}

export async function withdrawInvitation(workspace: string, email: string): Promise<void> {
  const params = { path: { workspace } };
  await api.POST("/api/w/{workspace}/workspaces/delete_invite", { params, body: { email }, parseAs: "text" });
}

export async function setRole(workspace: string, username: string, role: Role): Promise<void> {
  const params = { path: { workspace, username } };
  await api.POST("/api/w/{workspace}/users/update/{username}", { params, body: { role }, parseAs: "text" });
}

const runsOf = (cancel: boolean) => ({ runs: cancel ? "cancel" : "continue" }) as never;

/** Disable or enable a member. `cancelRuns`: cancel its runs in progress if it is disabled. */
export async function setDisabled(workspace: string, username: string, disabled: boolean, cancelRuns = false) {
  const params = { path: { workspace, username }, query: runsOf(cancelRuns) };
  await api.POST("/api/w/{workspace}/users/update/{username}", { params, body: { disabled }, parseAs: "text" });
}

export async function removeMember(workspace: string, username: string, cancelRuns: boolean): Promise<void> {
  const params = { path: { workspace, username }, query: runsOf(cancelRuns) };
  await api.DELETE("/api/w/{workspace}/users/delete/{username}", { params, parseAs: "text" });
}

/** New owner of an item. `enable`: enable what was disabled; `references`: allow those in its arguments. */
export interface Assignment {
  kind: string;
  path: string;
  owner: string;
  enable: boolean;
  references: boolean;
}

export async function assignOwner(workspace: string, assignment: Assignment): Promise<void> {
  const params = { path: { workspace } };
  await api.POST("/api/w/{workspace}/ownership/assign", { params, body: assignment as never, parseAs: "text" });
}

/**
 * Move the items at `u/<username>/…` to `target`, `u/<username>` or `f/<folder>`, with the references to them.
 * `successor`: new owner of the items in `assigned`, which act for the member.
 */
export async function transferItems(
  workspace: string,
  username: string,
  target: string,
  successor?: Pick<Assignment, "owner" | "references"> & { assigned: readonly Pick<Assignment, "kind" | "path">[] },
): Promise<Transfer> {
  const params = { path: { workspace } };
  const body = { username, target, ...successor } as never;
  const { data } = await api.POST("/api/w/{workspace}/ownership/transfer", { params, body });
  if (!data) throw new Error(t("api.noData"));
  return data;
}

/** Act as a member for some minutes. The session of this browser becomes that of the member. */
export async function impersonate(
  workspace_id: string,
  username: string,
  minutes: number,
  reason: string,
): Promise<void> {
  await api.POST("/api/auth/impersonate", { body: { workspace_id, username, minutes, reason }, parseAs: "text" });
}
