import { api } from "./client";
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

export type PolicyDefault = components["schemas"]["PolicyDefault"];

/** Return the problems of the text of a workflow at a path, and the values that policies give to absent fields. */
export async function validateText(
  workspace: string,
  path: string,
  text: string,
): Promise<{ problems: Problem[]; defaults: PolicyDefault[] }> {
  const { data } = await api.POST("/api/w/{workspace}/flows/validate", {
    params: { path: { workspace } },
    body: { path, source: { format: "yaml", text } },
  });
  return { problems: data?.diagnostics ?? [], defaults: data?.defaults ?? [] };
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
