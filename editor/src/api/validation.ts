import { api } from "./client";
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** All that a deploy would say of a text. */
export async function validateText(workspace: string, text: string): Promise<Problem[]> {
  const { data } = await api.POST("/api/w/{workspace}/flows/validate", {
    params: { path: { workspace } },
    body: { source: { format: "yaml", text } },
  });
  return data?.diagnostics ?? [];
}

export type ScriptSchema = components["schemas"]["ScriptSchema"];

/** The JSON Schema of what a script takes; null where its signature cannot be read, with where and why if that is known. */
export async function scriptSchema(workspace: string, language: string, content: string): Promise<ScriptSchema> {
  const { data } = await api.POST("/api/w/{workspace}/scripts/schema", {
    params: { path: { workspace } },
    body: { language, content },
  });
  return data ?? { schema: null };
}
