import type { RunRow } from "../../api/run-list";
import { statusStyle } from "../../lib/status";
import { relative } from "../../lib/time";
import { t } from "../../texts/runs";
import { triggerName } from "../trigger-name";

/** Return the text of a run in the list of earlier runs. */
export const runChoice = (row: RunRow): string =>
  t(row.tested ? "runs.testSummary" : "runs.runSummary", {
    status: statusStyle(row.status).label,
    time: relative(row.created_at, Date.now()),
    trigger: triggerName(row.trigger),
  });

/** Return lists of runs, each without the runs of the lists before it. */
export function withoutRepeats(lists: readonly RunRow[][]): RunRow[][] {
  const shown = new Set<string>();
  return lists.map((list) => {
    const rest = list.filter((row) => !shown.has(row.id));
    for (const row of rest) shown.add(row.id);
    return rest;
  });
}
