import { createContext, useContext } from "react";
import type { RunAbout } from "../api/runs";
import type { Selection } from "./selection";

/**
 * Context of the page of a run. The state of the run is in the editor state (`useEditor`): `live.graph`, `live.nodes`,
 * `shownIterations`, and `graph`, the workflow that ran, which is empty for a script.
 */
export interface RunView {
  workspace: string;
  id: string;
  about: RunAbout;
  selection: Selection;
  /** Change the selection, which is in the address. */
  select: (part: Partial<Selection>) => void;
}

export const RunContext = createContext<RunView | null>(null);

export function useRun(): RunView {
  const run = useContext(RunContext);
  if (!run) throw new TypeError("useRun requires a RunContext.");
  return run;
}
