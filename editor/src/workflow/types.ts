import { ExactNumber } from "../lib/exact-number";

/** The document as plain data. Unknown keys are preserved, as a document may be newer than this page. */
export type Json = null | boolean | number | ExactNumber | string | Json[] | { [key: string]: Json };
export type Tree = { [key: string]: Json };

/** A path in the document: keys of mappings and indexes of lists. */
export type Path = readonly (string | number)[];

export const OUTCOMES = ["success", "failure", "always", "true", "false", "approved", "rejected", "timeout"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/** Return whether a value is an object or a list. */
export const isContainer = (value: unknown): value is Tree | Json[] => Array.isArray(value) || isTree(value);

export function at(value: Json | undefined, path: Path): Json | undefined {
  let found: Json | undefined = value;
  for (const key of path) {
    if (Array.isArray(found) && typeof key === "number") found = found[key];
    else if (isTree(found) && typeof key === "string" && Object.hasOwn(found, key)) found = found[key];
    else return undefined;
  }
  return found;
}

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
