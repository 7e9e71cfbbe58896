import { createContext, useContext } from "react";
import type { RunAbout } from "../api/runs";
import type { Selection } from "./selection";

/**
 * What every part of a run's page has. How the run stands lives in the page's editor state (`useEditor`): `live.graph`,
 * `live.nodes`, `picked` (the iterations that are shown), `graph` (the workflow that ran, empty for a script).
 */
export interface RunView {
  workspace: string;
  id: string;
  about: RunAbout;
  selection: Selection;
  /** Changes what is looked at, in the address. */
  select: (part: Partial<Selection>) => void;
}

export const RunContext = createContext<RunView | null>(null);

export function useRun(): RunView {
  const run = useContext(RunContext);
  if (!run) throw new Error("This stands on a run's page only.");
  return run;
}
