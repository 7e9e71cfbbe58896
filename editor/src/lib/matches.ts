import type { Json } from "../workflow/types";

/** A place in a value: the keys that lead to it, and what stands there. */
export interface Match {
  path: string;
  value: Json;
}

/** The keys and plain values in which a word stands, at most `most` of them, in order. */
export function matches(value: Json, word: string, most: number): Match[] {
  const sought = word.toLowerCase();
  const found: Match[] = [];
  const look = (each: Json, path: string, key: string) => {
    if (found.length >= most) return;
    const holds = each !== null && typeof each === "object";
    if (key.toLowerCase().includes(sought) || (!holds && String(each).toLowerCase().includes(sought)))
      found.push({ path, value: each });
    if (!holds) return;
    for (const [name, inner] of Object.entries(each)) {
      look(
        inner as Json,
        Array.isArray(each) ? `${path}[${name}]` : path ? `${path}.${name}` : name,
        Array.isArray(each) ? "" : name,
      );
    }
  };
  look(value, "", "");
  return found;
}
