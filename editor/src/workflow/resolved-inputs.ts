import { pathOf } from "./scope";
import { at, isTree, type Json } from "./types";

/** The value of one input of a node, or its expression if only the server can evaluate that. */
export type ResolvedInput = { value: Json } | { expr: string };

/** Return the inputs of a node by its `input_transforms`, from the input of the workflow and the results of nodes. */
export function resolveInputs(transforms: Json | undefined, input: Json, results: Json): Record<string, ResolvedInput> {
  const scope: Record<string, Json> = { flow_input: input, results };
  const resolved: Record<string, ResolvedInput> = {};
  for (const [name, transform] of Object.entries(isTree(transforms ?? null) ? (transforms as object) : {})) {
    resolved[name] = resolve(transform as Json, scope);
  }
  return resolved;
}

function resolve(transform: Json, scope: Record<string, Json>): ResolvedInput {
  if (!isTree(transform)) return { value: transform };
  if (transform.type !== "javascript") return { value: transform.value ?? null };
  const expr = String(transform.expr ?? "").trim();
  const path = pathOf(expr);
  const root = path === null ? undefined : scope[String(path[0])];
  const value = root === undefined ? undefined : at(root, (path ?? []).slice(1));
  return value === undefined ? { expr } : { value };
}

/** Return the ids of the nodes whose results these transforms read, and whether they read the input of the run. */
export function referencesIn(transforms: Json | undefined): { results: string[]; input: boolean } {
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
