import type { Side, Version } from "../api/versions";

/** The two sides of a comparison. */
export interface Sides {
  /** null: there is nothing before the first version. */
  before: Side | null;
  after: Side;
}

/** The version before one; before the draft: the newest. */
export function previousVersion(side: Side, versions: Version[]): Side | null {
  if (side === "draft") return versions[0]?.id ?? null;
  return versions[versions.findIndex((each) => each.id === side) + 1]?.id ?? null;
}

export function versionName(side: Side, versions: Version[]): string {
  if (side === "draft") return "Your draft";
  const found = versions.find((each) => each.id === side);
  return found ? `Version ${found.number}` : `Version with id ${side}`;
}
