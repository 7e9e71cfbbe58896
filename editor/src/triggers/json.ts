import { parseJson } from "../lib/exact-number";
import { isTree, type Tree } from "../workflow/types";

/** Parse a JSON object; null if the text is not one. */
export function parseJsonObject(text: string): Tree | null {
  try {
    const found = parseJson(text || "{}");
    return isTree(found) ? found : null;
  } catch {
    return null;
  }
}
