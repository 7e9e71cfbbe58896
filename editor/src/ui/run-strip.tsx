import { statusStyle } from "../lib/status";
import { t } from "../texts/t";
import { countsText } from "./run-bars";
import css from "./run-strip.module.css";

/** States of the newest runs of an item, the newest at the right. */
export function RunStrip({ runs }: { runs: readonly { id: string; state: string }[] }) {
  const counts: Record<string, number> = {};
  for (const { state } of runs) counts[state] = (counts[state] ?? 0) + 1;
  const label = t("ui.recentRuns", { count: runs.length, counts: countsText(counts) });
  return (
    <span className={css.strip} role="img" aria-label={label} title={label}>
      {runs.toReversed().map((run) => (
        <span key={run.id} data-tone={statusStyle(run.state).tone} />
      ))}
    </span>
  );
}
