import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import type { Tree } from "../workflow/types";
import { api, warningsOf } from "./client";
import type { components } from "./schema";

/** Script in a list. */
export interface ScriptItem {
  path: string;
  summary: string;
  language: string;
  created_by: string;
  created_at: string;
  archived: boolean;
  hash: string;
  version_id: number;
  has_draft?: boolean;
  labels?: readonly string[];
  starred?: boolean;
}

/** Script with its text, the schema of its inputs and its settings. */
export interface Script extends ScriptItem {
  content: string;
  description?: string;
  schema?: unknown;
  lock?: string | null;
  lock_error_logs?: string;
}

/** Query of the scripts of a workspace, archived ones or the others. */
export const scriptsQuery = (workspace: string, archived = false) =>
  queryOptions({
    queryKey: ["scripts", workspace, archived],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/scripts/list", {
        params: { path: { workspace }, query: { per_page: "1000", show_archived: String(archived) } as never },
      });
      return (data ?? []) as unknown as ScriptItem[];
    },
  });

/** Fetch the newest version of a script. */
export async function getScript(workspace: string, path: string): Promise<Script> {
  const { data } = await api.GET("/api/w/{workspace}/scripts/get/p/{path}", { params: { path: { workspace, path } } });
  return data as unknown as Script;
}

export const scriptQuery = (workspace: string, path: string) =>
  queryOptions({ queryKey: ["script", workspace, path], queryFn: () => getScript(workspace, path) });

/** Editable part of a script, as stored in a draft. */
export interface ScriptSource {
  content: string;
  language: string;
  summary: string;
  labels: readonly string[];
}

export interface ScriptDraft extends Omit<ScriptSource, "labels"> {
  /** Undefined if the draft was saved without them: those of the deployed version. */
  labels?: readonly string[] | undefined;
  revision: number;
  base_version: number | null;
  newest_version: number | null;
}

const draftParams = (workspace: string, path: string) => ({ path: { workspace, kind: "script", path } });

/** Return the draft of a script; null if there is none. */
export async function getScriptDraft(workspace: string, path: string): Promise<ScriptDraft | null> {
  const { data } = await api.GET("/api/w/{workspace}/drafts/{kind}/{path}", {
    params: draftParams(workspace, path),
  });
  const value = data?.value as Partial<ScriptSource> | undefined;
  if (!data || typeof value?.content !== "string" || typeof value.language !== "string") return null;
  const { seq: revision, base_version, newest_version } = data;
  const { content, language, summary = "", labels } = value;
  return { revision, base_version, newest_version, content, language, summary, labels };
}

/** Query of the drafts of scripts of the user, last edited first. */
export const scriptDraftsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["script-drafts", workspace],
    queryFn: async (): Promise<{ path: string; edited_at: string }[]> => {
      const { data } = await api.GET("/api/w/{workspace}/drafts/list/{kind}", {
        params: { path: { workspace, kind: "script" } },
      });
      return (data ?? []) as unknown as { path: string; edited_at: string }[];
    },
  });

/** Save a draft based on a revision. Return the next revision. Throws ApiError `draft_conflict`. */
export async function saveScriptDraft(
  workspace: string,
  path: string,
  value: ScriptSource,
  base: number | null,
  revision: number | null,
): Promise<number> {
  const { data } = await api.PUT("/api/w/{workspace}/drafts/{kind}/{path}", {
    params: draftParams(workspace, path),
    body: { value: { ...value }, base_version: base, seq: revision },
  });
  if (!data) throw new Error(t("api.noData"));
  return data.seq;
}

export async function discardScriptDraft(workspace: string, path: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/drafts/delete/{kind}/{path}", {
    params: draftParams(workspace, path),
    parseAs: "text",
  });
}

/** Fields that the server sets and does not accept. */
const SERVER_FIELDS = new Set([
  ...["hash", "path", "content", "language", "version_id", "extra_perms", "workspace_id", "schema", "has_preprocessor"],
  ...["created_by", "created_at", "edited_by", "edited_at", "archived", "deleted", "starred", "has_draft"],
  ...["parent_hashes", "lock", "lock_error_logs"],
]);

/** Deploy a script as the next version after `deployed`, with its settings. Return the warnings of the server. */
export async function deployScript(
  workspace: string,
  path: string,
  deployed: Script | null,
  deployment: ScriptSource & { message: string; draft: number | null },
): Promise<string[]> {
  const settings = Object.fromEntries(Object.entries(deployed ?? {}).filter(([key]) => !SERVER_FIELDS.has(key)));
  const { response } = await api.POST("/api/w/{workspace}/scripts/create", {
    params: { path: { workspace } },
    body: {
      ...settings,
      path,
      content: deployment.content,
      language: deployment.language,
      summary: deployment.summary,
      labels: deployment.labels.length > 0 || deployed?.labels ? [...deployment.labels] : undefined,
      parent_hash: deployed?.hash ?? null,
      deployment_message: deployment.message || null,
      draft_revision: deployment.draft,
    },
    parseAs: "text",
  });
  return warningsOf(response);
}

/** Archive or restore a script. */
export async function archiveScript(workspace: string, path: string, archived: boolean): Promise<void> {
  await api.POST("/api/w/{workspace}/scripts/archive/p/{path}", {
    params: { path: { workspace, path } },
    body: { archived },
    parseAs: "text",
  });
}

/** Delete a script with its versions. Running runs continue. */
export async function deleteScript(workspace: string, path: string): Promise<void> {
  await api.POST("/api/w/{workspace}/scripts/delete/p/{path}", {
    params: { path: { workspace, path } },
    parseAs: "text",
  });
}

/** Start the deployed script, or `code`. Return the id of the run. */
export async function startScript(
  workspace: string,
  path: string,
  args: Tree,
  code: { content: string; language: string } | null,
): Promise<string> {
  if (code) {
    const { data } = await api.POST("/api/w/{workspace}/jobs/run/preview", {
      params: { path: { workspace } },
      body: { ...code, path, args } as never,
      parseAs: "text",
    });
    return String(data);
  }
  const { data } = await api.POST("/api/w/{workspace}/jobs/run/p/{path}", {
    params: { path: { workspace, path } },
    body: args as never,
    parseAs: "text",
  });
  return String(data);
}

export type Version = components["schemas"]["Version"];

export const scriptVersionsQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ["script-versions", workspace, path],
    queryFn: async (): Promise<Version[]> => {
      const { data } = await api.GET("/api/w/{workspace}/versions/list/{kind}/{path}", {
        params: { path: { workspace, kind: "script", path }, query: { per_page: "100" } as never },
      });
      return data ?? [];
    },
  });

/** Query of the text of a version. */
export const scriptVersionQuery = (workspace: string, version: number) =>
  queryOptions({
    queryKey: ["script-version", workspace, version],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<string> => {
      const { data } = await api.GET("/api/w/{workspace}/versions/get/{kind}/{version}", {
        params: { path: { workspace, kind: "script", version } },
      });
      return String((data as unknown as Script | undefined)?.content ?? "");
    },
  });

export async function restoreScript(workspace: string, path: string, version: number): Promise<void> {
  await api.POST("/api/w/{workspace}/versions/restore/{kind}/{path}", {
    params: { path: { workspace, kind: "script", path } },
    body: { version },
  });
}
