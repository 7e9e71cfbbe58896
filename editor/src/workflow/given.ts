import { at, isTree, type Json, type Path } from "./types";

/** What one input of a node was: its value, or the expression where only the server can answer it. */
export type Given = { value: Json } | { expr: string };

const STEP = /^(?:\.([A-Za-z_$][\w$]*)|\[(\d+)\]|\[(["'])([^"'\\]*)\3\])/;

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

/** The place that a plain path such as `results.a[0].b` names; null for any other expression. */
function pathOf(expr: string): Path | null {
  const root = expr.match(/^[A-Za-z_]\w*/)?.[0];
  if (!root) return null;
  const path: (string | number)[] = [root];
  for (let rest = expr.slice(root.length); rest; ) {
    const found = rest.match(STEP);
    if (!found) return null;
    path.push(found[2] === undefined ? (found[1] ?? found[4] ?? "") : Number(found[2]));
    rest = rest.slice(found[0].length);
  }
  return path;
}
