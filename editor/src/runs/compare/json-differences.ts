import { isEqual } from "../../workflow/edit";
import { isContainer, type Json } from "../../workflow/types";

/** Difference of two values at a path. A side without a value there is absent. */
export interface JsonDifference {
  path: string;
  before?: Json;
  after?: Json;
}

/** Return the differences of two JSON values, in order, at the deepest paths, at most `limit`. */
export function findJsonDifferences(before: Json, after: Json, limit: number): JsonDifference[] {
  const found: JsonDifference[] = [];
  collect(before, after, "", found, limit);
  return found;
}

function collect(before: Json, after: Json, path: string, found: JsonDifference[], most: number): void {
  if (found.length >= most || isEqual(before, after)) return;
  const [one, other] = [partsOf(before), partsOf(after)];
  if (!one || !other || Array.isArray(before) !== Array.isArray(after)) {
    found.push({ path, before, after });
    return;
  }
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (found.length >= most) return;
    const here = nameOf(path, key, Array.isArray(after));
    const [has, had] = [Object.hasOwn(other, key), Object.hasOwn(one, key)];
    const [left, right] = [one[key] ?? null, other[key] ?? null];
    if (has && had) collect(left, right, here, found, most);
    else found.push(has ? { path: here, after: right } : { path: here, before: left });
  }
}

function partsOf(value: Json): Record<string, Json> | null {
  return isContainer(value) ? (value as Record<string, Json>) : null;
}

function nameOf(path: string, key: string, inArray: boolean): string {
  if (inArray) return `${path}[${key}]`;
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path ? `${path}.${key}` : key;
}
