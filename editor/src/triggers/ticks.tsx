import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { ticksQuery } from "../api/triggers";
import { t } from "../texts/triggers";
import { formatInZone } from "./times";
import css from "./triggers.module.css";

const PLACES = [1, 2, 3, 4, 5];

/**
 * The next five runs, in the schedule's zone; those of the last valid schedule while it is invalid. Their place is
 * reserved while they are loaded: otherwise the buttons below would move from under the mouse.
 */
export function Ticks({ schedule, timezone }: { schedule: string; timezone: string }) {
  const ticks = useQuery(ticksQuery(schedule, timezone));
  const last = useRef<{ times: string[]; timezone: string } | null>(null);
  if (ticks.data) last.current = { times: ticks.data, timezone };
  const shown = last.current;
  if (!shown) return ticks.isPending ? <Placeholder /> : null;
  return (
    <ol className={css.ticks} aria-label={t("triggers.nextRuns")} data-outdated={!ticks.data || undefined}>
      {shown.times.map((tick) => (
        <li key={tick}>
          <time dateTime={tick}>{formatInZone(tick, shown.timezone)}</time>
        </li>
      ))}
    </ol>
  );
}

function Placeholder() {
  const time = formatInZone(new Date().toISOString(), "UTC");
  return (
    <ol className={css.ticks} data-placeholder="">
      {PLACES.map((place) => (
        <li key={place}>{time}</li>
      ))}
    </ol>
  );
}
