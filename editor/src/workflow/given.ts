import { pathOf } from "./scope";
import { at, isTree, type Json } from "./types";

/** What one input of a node was: its value, or the expression where only the server can answer it. */
export type Given = { value: Json } | { expr: string };

/** The inputs that a node's `input_transforms` gave it, from the workflow's input and the results of nodes. */
export function givenTo(transforms: Json | undefined, input: Json, results: Json): Record<string, Given> {
  const scope: Record<string, Json> = { flow_input: input, results };
  const made: Record<string, Given> = {};
  for (const [name, transform] of Object.entries(isTree(transforms ?? null) ? (transforms as object) : {})) {
    made[name] = answered(transform as Json, scope);
  }
  return made;
}

function answered(transform: Json, scope: Record<string, Json>): Given {
  if (!isTree(transform)) return { value: transform };
  if (transform.type !== "javascript") return { value: transform.value ?? null };
  const expr = String(transform.expr ?? "").trim();
  const path = pathOf(expr);
  const root = path === null ? undefined : scope[String(path[0])];
  const value = root === undefined ? undefined : at(root, (path ?? []).slice(1));
  return value === undefined ? { expr } : { value };
}

/** What of a run the paths among these transforms read: results of which nodes, and whether its input. */
export function namesRead(transforms: Json | undefined): { results: string[]; input: boolean } {
  const results = new Set<string>();
  let input = false;
  for (const transform of Object.values(isTree(transforms ?? null) ? (transforms as object) : {})) {
    const path =
      isTree(transform) && transform.type === "javascript" ? pathOf(String(transform.expr ?? "").trim()) : null;
    if (path?.[0] === "results" && typeof path[1] === "string") results.add(path[1]);
    if (path?.[0] === "flow_input") input = true;
  }
  return { results: [...results], input };
}
