import { queryOptions } from "@tanstack/react-query";
import type { Tree } from "../workflow/types";
import { api } from "./client";

/** Workflow in a list. */
export interface FlowItem {
  path: string;
  summary: string;
  edited_by: string;
  edited_at: string;
  archived: boolean;
  version_id: number;
  labels?: readonly string[];
  starred?: boolean;
}

/** Workflow with its document: `source` if it was deployed as text, `value` and `schema` always. */
export interface Flow extends Omit<FlowItem, "version_id" | "labels"> {
  labels?: readonly string[] | undefined;
  /** null if it was never deployed. */
  version_id: number | null;
  description?: string;
  value: unknown;
  schema?: unknown;
  source?: { format: "yaml" | "json"; text: string };
  /** Reason why the packages of the newest version could not be locked. */
  lock_error_logs?: string;
  /** Members of the source other than its value and schema. */
  source_members?: Tree;
}

/** Query of the workflows of a workspace, archived ones or the others. */
export const flowsQuery = (workspace: string, archived = false) =>
  queryOptions({
    queryKey: ["flows", workspace, archived],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/flows/list", {
        params: { path: { workspace }, query: { per_page: "1000", show_archived: String(archived) } as never },
      });
      return (data ?? []) as unknown as FlowItem[];
    },
  });

/** Fetch the newest version of a workflow. */
export async function getFlow(workspace: string, path: string): Promise<Flow> {
  const { data } = await api.GET("/api/w/{workspace}/flows/get/{path}", { params: { path: { workspace, path } } });
  return data as unknown as Flow;
}

export const flowQuery = (workspace: string, path: string) =>
  queryOptions({ queryKey: ["flow", workspace, path], queryFn: () => getFlow(workspace, path) });

const SETTINGS = [
  "tag",
  "ws_error_handler_muted",
  "priority",
  "dedicated_worker",
  "timeout",
  "visible_to_runner_only",
  "labels",
  "on_behalf_of_email",
] as const;

/** Return an empty workflow for a path with only a draft. */
export function emptyFlow(path: string): Flow {
  const value = { modules: [] };
  return { path, summary: "", edited_by: "", edited_at: "", archived: false, version_id: null, value };
}

/**
 * Deploy a text as the next version after the version of `flow`, or as the first one.
 * Throws ApiError `version_conflict` and others.
 */
export async function deployFlow(
  workspace: string,
  flow: Flow,
  deployment: { text: string; message: string; draft: number | null },
): Promise<void> {
  const settings = Object.fromEntries(
    SETTINGS.filter((key) => key in flow).map((key) => [key, flow[key as keyof Flow]]),
  );
  const body = {
    ...settings,
    path: flow.path,
    source: { format: "yaml" as const, text: deployment.text },
    base_version: flow.version_id,
    deployment_message: deployment.message || null,
    draft_revision: deployment.draft,
  };
  if (flow.version_id === null) {
    await api.POST("/api/w/{workspace}/flows/create", { params: { path: { workspace } }, body, parseAs: "text" });
    return;
  }
  await api.POST("/api/w/{workspace}/flows/update/{path}", {
    params: { path: { workspace, path: flow.path } },
    body,
    parseAs: "text",
  });
}

/** Archive or restore a workflow. */
export async function archiveFlow(workspace: string, path: string, archived: boolean): Promise<void> {
  await api.POST("/api/w/{workspace}/flows/archive/{path}", {
    params: { path: { workspace, path } },
    body: { archived },
    parseAs: "text",
  });
}

/** Delete a workflow with its versions. Running runs continue. */
export async function deleteFlow(workspace: string, path: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/flows/delete/{path}", {
    params: { path: { workspace, path } },
    parseAs: "text",
  });
}
