import { infiniteQueryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api, BASE } from "./client";
import type { components } from "./schema";

export type AuditEntry = components["schemas"]["AuditEntry"];
export type AuditVerification = components["schemas"]["AuditVerification"];

const PAGE = 100;

/** Filters of the audit trail; empty ones do not apply. */
export interface AuditFilter {
  username: string;
  operation: string;
  action_kind: string;
  /** Beginning of the path, name or address. */
  resource_prefix: string;
  after: string;
  before: string;
}

const given = (filter: AuditFilter) => Object.fromEntries(Object.entries(filter).filter(([, value]) => value));

/** Query of the audit trail of a workspace, or with null of the installation: pages of entries, newest first. */
export const auditQuery = (workspace: string | null, filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", workspace, filter],
    // Each call is recorded, so it is not repeated without need.
    refetchOnWindowFocus: false,
    initialPageParam: "",
    queryFn: async ({ pageParam }) => {
      const query = {
        ...given(filter),
        per_page: String(PAGE),
        ...(pageParam ? { before_id: pageParam } : {}),
      } as never;
      const { data } =
        workspace === null
          ? await api.GET("/api/audit/list", { params: { query } })
          : await api.GET("/api/w/{workspace}/audit/list", { params: { path: { workspace }, query } });
      return data ?? [];
    },
    getNextPageParam: (page) => (page.length < PAGE ? undefined : String(page.at(-1)?.id)),
  });

/** Return the address of the export with these filters. */
export function exportUrl(workspace: string | null, filter: AuditFilter): string {
  const area = workspace === null ? "audit" : `w/${encodeURIComponent(workspace)}/audit`;
  return `${BASE}/api/${area}/export?${new URLSearchParams(given(filter))}`;
}

/** Verify the hash chain. `anchor`: "<links>:<head>" of an earlier verification, or "". */
export async function verifyAudit(workspace: string | null, anchor: string): Promise<AuditVerification> {
  const query = (anchor ? { anchor } : {}) as never;
  const { data } =
    workspace === null
      ? await api.GET("/api/audit/verify", { params: { query } })
      : await api.GET("/api/w/{workspace}/audit/verify", { params: { path: { workspace }, query } });
  if (!data) throw new Error(t("api.noData"));
  return data;
}
