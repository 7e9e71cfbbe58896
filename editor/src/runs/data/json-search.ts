import type { Json } from "../../workflow/types";

/** A place in a value: the keys that lead to it, and what stands there. */
export interface Match {
  path: string;
  value: Json;
}

/** The keys and plain values in which a word stands, at most `most` of them, in order. */
export function searchJson(value: Json, word: string, limit: number): Match[] {
  const lowered = word.toLowerCase();
  const found: Match[] = [];
  const visit = (each: Json, path: string, key: string) => {
    if (found.length >= limit) return;
    const isContainer = each !== null && typeof each === "object";
    if (key.toLowerCase().includes(lowered) || (!isContainer && String(each).toLowerCase().includes(lowered)))
      found.push({ path, value: each });
    if (!isContainer) return;
    for (const [name, inner] of Object.entries(each)) {
      visit(
        inner as Json,
        Array.isArray(each) ? `${path}[${name}]` : path ? `${path}.${name}` : name,
        Array.isArray(each) ? "" : name,
      );
    }
  };
  visit(value, "", "");
  return found;
}
