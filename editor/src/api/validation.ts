import { api } from "./client";
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** Return the problems of a text. */
export async function validateText(workspace: string, text: string): Promise<Problem[]> {
  const { data } = await api.POST("/api/w/{workspace}/flows/validate", {
    params: { path: { workspace } },
    body: { source: { format: "yaml", text } },
  });
  return data?.diagnostics ?? [];
}

export type ScriptSchema = components["schemas"]["ScriptSchema"];

/** Return the JSON Schema of the inputs of a script; null with an error if its signature cannot be parsed. */
export async function scriptSchema(workspace: string, language: string, content: string): Promise<ScriptSchema> {
  const { data } = await api.POST("/api/w/{workspace}/scripts/schema", {
    params: { path: { workspace } },
    body: { language, content },
  });
  return data ?? { schema: null };
}
