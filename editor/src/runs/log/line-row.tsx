import { duration, precise } from "../../lib/time";
import { t } from "../../texts/runs";
import { type Owner, ownerName } from "./lines";
import css from "./log.module.css";
import { type LogBuffer, splitMatches } from "./log-buffer";

interface Props {
  reading: LogBuffer;
  place: number;
  start: number;
  named: boolean;
  /** Return the time from which those of an owner are counted; null: times are not shown. */
  startOf: ((owner: Owner) => number) | null;
  current: boolean;
  measure: ((element: HTMLElement | null) => void) | null;
}

/** One line: its number, its node, and its text with the matches of the search. */
export function Row({ reading, place, start, named, startOf, current, measure }: Props) {
  const index = reading.index(place);
  const line = reading.lines.at(index);
  if (!line) return null;
  const { owner } = line;
  const whose = ownerName(owner);
  let at = 0;
  return (
    <div
      ref={measure}
      data-index={place}
      data-level={line.level ?? undefined}
      data-current={current || undefined}
      className={css.line}
      style={{ transform: `translateY(${start}px)` }}
    >
      <span className={css.number} aria-hidden="true">
        {index + 1}
      </span>
      {startOf && (
        <time className={css.time} dateTime={new Date(line.at).toISOString()} title={precise(line.at)}>
          +{duration(Math.max(line.at - startOf(owner), 0))}
        </time>
      )}
      {named && owner.node && (
        <span className={css.owner} title={whose}>
          {whose}
        </span>
      )}
      <span className={css.text}>
        {splitMatches(line.text, reading.query).map((part, each) => {
          const key = at;
          at += part.length;
          return each % 2 === 1 ? <mark key={`m${key}`}>{part}</mark> : <span key={`t${key}`}>{part}</span>;
        })}
        {line.cut > 0 && <em className={css.cut}> {t("runs.charactersCut", { count: line.cut })}</em>}
      </span>
    </div>
  );
}
