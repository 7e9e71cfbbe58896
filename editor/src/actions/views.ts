import { t } from "../texts/actions";

export type View = "graph" | "runs" | "versions" | "tests" | "triggers";

/** Views of a workflow, with their names. */
export const VIEWS: readonly [View, string][] = [
  ["graph", t("actions.viewGraph")],
  ["runs", t("actions.viewRuns")],
  ["versions", t("actions.viewVersions")],
  ["tests", t("actions.viewTests")],
  ["triggers", t("actions.viewTriggers")],
];

/** Return the search part of the address of a view. */
export const searchOf = (view: View): string => (view === "graph" ? "" : `?view=${view}`);
