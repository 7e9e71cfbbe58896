import { createContext, useContext } from "react";
import { t } from "../texts/t";

/** Permissions of the user in the workspace of the page. An archived workspace starts no runs and permits no changes. */
export interface Access {
  archived: boolean;
  /** The role was read, or could not be; until then, pages assume that it permits everything. */
  known: boolean;
  /** The role permits starting runs. */
  mayRun: boolean;
  /** The role permits changing items. */
  mayEdit: boolean;
  /** Scripts and workflows are changed by releases only. */
  releasesOnly: boolean;
}

export const AccessContext = createContext<Access>({
  archived: false,
  known: true,
  mayRun: true,
  mayEdit: true,
  releasesOnly: false,
});

export const useAccess = () => useContext(AccessContext);

/** Return true if items of the workspace are only read on its pages. */
export function useReadOnly(): boolean {
  const { archived, mayEdit } = useAccess();
  return archived || !mayEdit;
}

/** Return why the page deploys no scripts and workflows, undefined if it does. */
export function useNoDeploysReason(): string | undefined {
  return useAccess().releasesOnly ? t("ui.releasesOnly") : undefined;
}

/** Return why the page starts no runs, undefined if it does. */
export function useNoRunsReason(): string | undefined {
  const { archived, mayRun } = useAccess();
  if (archived) return t("ui.archivedStartsNoRuns");
  return mayRun ? undefined : t("ui.roleStartsNoRuns");
}
