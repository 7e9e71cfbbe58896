import { useQuery } from "@tanstack/react-query";
import { ticksQuery } from "../api/triggers";
import { t } from "../texts/triggers";
import { formatInZone } from "./times";
import css from "./triggers.module.css";

/** The next five runs, in the schedule's zone. */
export function Ticks({ schedule, timezone }: { schedule: string; timezone: string }) {
  const ticks = useQuery(ticksQuery(schedule, timezone));
  if (!ticks.data) return null;
  return (
    <ol className={css.ticks} aria-label={t("triggers.nextRuns")}>
      {ticks.data.map((tick) => (
        <li key={tick}>
          <time dateTime={tick}>{formatInZone(tick, timezone)}</time>
        </li>
      ))}
    </ol>
  );
}
