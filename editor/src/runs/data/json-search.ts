import { isContainer, type Json } from "../../workflow/types";

/** Match in a value: its path and the value there. */
export interface Match {
  path: string;
  value: Json;
}

/** Return the keys and plain values that contain a word, in order, at most `limit`. */
export function searchJson(value: Json, word: string, limit: number): Match[] {
  const lowered = word.toLowerCase();
  const found: Match[] = [];
  const visit = (each: Json, path: string, key: string) => {
    if (found.length >= limit) return;
    const holds = isContainer(each);
    if (key.toLowerCase().includes(lowered) || (!holds && String(each).toLowerCase().includes(lowered)))
      found.push({ path, value: each });
    if (!holds) return;
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
