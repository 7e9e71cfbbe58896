import { queryOptions } from "@tanstack/react-query";
import { t } from "../texts/api";
import { api } from "./client";
import type { components } from "./schema";

/** A draft in a list. */
export type DraftHead = components["schemas"]["DraftHead"];

/** Query of the drafts of the user, last edited first. */
export const draftsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["drafts", workspace],
    queryFn: async () => {
      const { data } = await api.GET("/api/w/{workspace}/drafts/list/{kind}", {
        params: { path: { workspace, kind: "flow" }, query: { per_page: "1000" } as never },
      });
      return data ?? [];
    },
  });

/** Draft of a workflow: its text, and the revision that the next save is based on. */
export interface Draft {
  revision: number;
  base_version: number | null;
  newest_version: number | null;
  text: string;
}

const place = (workspace: string, path: string) => ({ path: { workspace, kind: "flow", path } });

/** Return the draft at a path; null if there is none. */
export async function getDraft(workspace: string, path: string): Promise<Draft | null> {
  const { data } = await api.GET("/api/w/{workspace}/drafts/{kind}/{path}", { params: place(workspace, path) });
  const value = data?.value as { source?: { text?: string } } | undefined;
  if (!data || typeof value?.source?.text !== "string") return null;
  const { seq: revision, base_version, newest_version } = data;
  return { revision, base_version, newest_version, text: value.source.text };
}

/** Query of the draft of a workflow, which is fetched at each visit of its page. */
export const draftQuery = (workspace: string, path: string) =>
  queryOptions({ queryKey: ["draft", workspace, path], queryFn: () => getDraft(workspace, path), gcTime: 0 });

/** Save a draft based on a revision. Return the next revision. Throws ApiError `draft_conflict`. */
export async function saveDraft(
  where: { workspace: string; path: string },
  text: string,
  base: number | null,
  revision: number | null,
): Promise<number> {
  const { data } = await api.PUT("/api/w/{workspace}/drafts/{kind}/{path}", {
    params: place(where.workspace, where.path),
    body: { value: { source: { format: "yaml", text } }, base_version: base, seq: revision },
  });
  if (!data) throw new Error(t("api.noData"));
  return data.seq;
}

export async function discardDraft(workspace: string, path: string): Promise<void> {
  await api.DELETE("/api/w/{workspace}/drafts/delete/{kind}/{path}", {
    params: place(workspace, path),
    parseAs: "text",
  });
}
