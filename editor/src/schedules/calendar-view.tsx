import { useQuery } from "@tanstack/react-query";
import { calendarQuery, type ScheduleCalendar } from "../api/schedules";
import { useItemName } from "../kinds/item-link";
import { statusStyle } from "../lib/status";
import { absolute, localTimeZone } from "../lib/time";
import { Link } from "../routing/link";
import { LOCALE } from "../texts/language";
import { t } from "../texts/schedules";
import { Button, IconButton } from "../ui/controls";
import { Icon } from "../ui/icon";
import { Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import {
  cellKey,
  cellsOf,
  clashesOf,
  daysOf,
  type Entry,
  entriesOf,
  formatDay,
  hourEnd,
  MAX_PAST,
  parseDay,
  plusDays,
  shortenedSchedules,
  summarizeCell,
} from "./calendar";
import css from "./schedules.module.css";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const NARROW = window.matchMedia("(max-width: 700px)");
const DAY = new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "short" });
const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const hourText = (hour: number): string => `${String(hour).padStart(2, "0")}:00`;

interface Props {
  workspace: string;
  search: URLSearchParams;
  set: (name: string, value: string) => void;
}

/** Past and upcoming runs of all schedules: a week by hours, or a day by minutes, in the time zone of the browser. */
export default function CalendarView({ workspace, search, set }: Props) {
  const week = (search.get("span") ?? (NARROW.matches ? "day" : "week")) === "week";
  const day = parseDay(search.get("day"), new Date());
  const days = daysOf(day, week);
  const [first = day] = days;
  const end = plusDays(first, days.length);
  const found = useQuery(calendarQuery(workspace, first.toISOString(), end.toISOString()));
  const entries = found.data ? entriesOf(found.data) : [];
  const step = (times: number) => set("day", formatDay(plusDays(first, times * days.length)));
  return (
    <>
      <div className={css.fields}>
        <IconButton
          label={week ? t("schedules.previousWeek") : t("schedules.previousDay")}
          icon="back"
          onClick={() => step(-1)}
        />
        <Button onClick={() => set("day", "")}>{t("schedules.today")}</Button>
        <IconButton
          label={week ? t("schedules.nextWeek") : t("schedules.nextDay")}
          icon="next"
          onClick={() => step(1)}
        />
        <strong className={css.span}>
          {week ? DAY.formatRange(first, plusDays(first, 6)) : DAY.format(first)} <span>{localTimeZone()}</span>
        </strong>
        <Button onClick={() => set("span", week ? "day" : "week")}>
          {week ? t("schedules.byDay") : t("schedules.byWeek")}
        </Button>
      </div>
      {found.isPending && <Skeleton />}
      {found.error && <Failed error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <>
          <Missing calendar={found.data} week={week} />
          {week ? (
            <Week
              days={days}
              entries={entries}
              until={Date.parse(found.data.complete_until ?? "") || Number.POSITIVE_INFINITY}
              open={(each) => {
                set("span", "day");
                set("day", formatDay(each));
              }}
            />
          ) : (
            <Day workspace={workspace} entries={entries} complete={!found.data.complete_until} />
          )}
        </>
      )}
    </>
  );
}

/** Notes about runs that the calendar does not show, because there are too many. */
function Missing({ calendar, week }: { calendar: ScheduleCalendar; week: boolean }) {
  const { coming, complete_until: until } = calendar;
  const shortened = shortenedSchedules(calendar);
  return (
    <>
      {until && (
        <p className={css.missing} role="status">
          <Icon name="warn" size={14} />
          {t("schedules.incomplete", { count: coming.length, time: absolute(until) })}
          {week && ` ${t("schedules.hatched")}`}
        </p>
      )}
      {shortened.length > 0 && (
        <p className={css.missing} role="status">
          <Icon name="warn" size={14} />
          {t("schedules.shortened", { count: MAX_PAST, paths: shortened.join(", ") })}
        </p>
      )}
    </>
  );
}

interface WeekProps {
  days: Date[];
  entries: Entry[];
  /** Time up to which upcoming runs are complete, in milliseconds. */
  until: number;
  open: (day: Date) => void;
}

function Week({ days, entries, until, open }: WeekProps) {
  const cells = cellsOf(entries);
  const today = new Date().toDateString();
  return (
    <div className={css.scroll}>
      <table className={css.week}>
        <caption>{t("schedules.week")}</caption>
        <thead>
          <tr>
            <td />
            {days.map((day) => (
              <th key={day.getTime()} scope="col" aria-current={day.toDateString() === today ? "date" : undefined}>
                <button type="button" onClick={() => open(day)}>
                  {DAY.format(day)}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {HOURS.map((hour) => (
            <tr key={hour}>
              <th scope="row">{hourText(hour)}</th>
              {days.map((day) => (
                <td key={day.getTime()} data-unknown={hourEnd(day, hour) > until || undefined}>
                  <Hour entries={cells.get(cellKey(day, hour)) ?? []} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const NAMES_SHOWN = 2;
const shortName = (path: string): string => path.split("/").slice(2).join("/");

function Hour({ entries }: { entries: Entry[] }) {
  if (entries.length === 0) return null;
  const { counts, clashes, names } = summarizeCell(entries);
  const most = Math.max(0, ...clashes.map((clash) => clash.paths.length));
  return (
    <span className={css.hour}>
      {Object.entries(counts).map(([state, count]) => (
        <span
          key={state}
          className={css.count}
          data-tone={statusStyle(state).tone}
          title={`${count} ${statusStyle(state).label}`}
        >
          <Icon name={statusStyle(state).icon} size={11} />
          {count}
          <span className={css.hidden}> {statusStyle(state).label}</span>
        </span>
      ))}
      <span className={css.names} title={names.join("\n")}>
        {names.slice(0, NAMES_SHOWN).map(shortName).join(", ")}
        {names.length > NAMES_SHOWN && ` +${names.length - NAMES_SHOWN}`}
      </span>
      {most > 1 && (
        <span className={css.clash} title={clashes.map(clashText).join("\n")}>
          <Icon name="warn" size={11} />
          {t("schedules.atOnce", { count: most })}
        </span>
      )}
    </span>
  );
}

const clashText = (clash: { at: number; paths: string[] }): string =>
  `${CLOCK.format(clash.at)}: ${clash.paths.join(", ")}`;

/** Name of the workflow or script of a tick, and the path of its schedule. */
function EntryName({ workspace, entry }: { workspace: string; entry: Entry }) {
  const name = useItemName({ workspace, path: entry.what });
  return (
    <>
      <Link to={entry.run ? `/w/${workspace}/runs/${entry.run}` : { search: `?q=${encodeURIComponent(entry.path)}` }}>
        {name || entry.path}
      </Link>
      {name && <span className={css.soft}>{entry.path}</span>}
    </>
  );
}

interface DayProps {
  workspace: string;
  entries: Entry[];
  /** All runs of the day are among the entries. */
  complete: boolean;
}

function Day({ workspace, entries, complete }: DayProps) {
  if (entries.length === 0) return complete ? <p className={css.note}>{t("schedules.noneOnDay")}</p> : null;
  const clashes = new Map(clashesOf(entries).map((clash) => [clash.at, clash.paths.length]));
  return (
    <ul className={css.day} aria-label={t("schedules.day")}>
      {entries.map((entry) => {
        const together = clashes.get(entry.at - (entry.at % 60_000));
        return (
          <li key={`${entry.path} ${entry.at}`}>
            <time dateTime={new Date(entry.at).toISOString()}>{CLOCK.format(entry.at)}</time>
            <Status status={entry.state} />
            <EntryName workspace={workspace} entry={entry} />
            {together && (
              <span className={css.clash}>
                <Icon name="warn" size={11} />
                {t("schedules.atOnce", { count: together })}
              </span>
            )}
            {entry.detail && <span className={css.soft}>{entry.detail}</span>}
          </li>
        );
      })}
    </ul>
  );
}
