import { at, isTree, type Json, type Tree } from "./types";

/** Return the first example of a schema. */
export function exampleOf(schema: Json | undefined): Tree | null {
  const examples = at(schema, ["examples"]);
  const found = Array.isArray(examples) ? examples[0] : null;
  return isTree(found ?? null) ? (found as Tree) : null;
}
