import { isTree, type Tree } from "../workflow/types";

/** A JSON object from what somebody wrote; null where it is none. */
export function parseJsonObject(text: string): Tree | null {
  try {
    const found = JSON.parse(text || "{}");
    return isTree(found) ? found : null;
  } catch {
    return null;
  }
}
