import type { Side, Version } from "../api/versions";
import { t } from "../texts/versions";

/** The two sides of a comparison. */
export interface Sides {
  /** null before the first version. */
  before: Side | null;
  after: Side;
}

/** Return the previous version of a version or, for the draft, the newest version. */
export function previousVersion(side: Side, versions: Version[]): Side | null {
  if (side === "draft") return versions[0]?.id ?? null;
  return versions[versions.findIndex((each) => each.id === side) + 1]?.id ?? null;
}

export function versionName(side: Side, versions: Version[]): string {
  if (side === "draft") return t("versions.draft");
  const found = versions.find((each) => each.id === side);
  return found ? t("versions.version", { number: found.number }) : t("versions.versionId", { id: side });
}
