import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Link, useParams } from "react-router";
import { allSchedulesQuery, type ListedSchedule, MOST } from "../../api/schedules";
import { useListAddress } from "../../routes/address";
import { rememberWorkspace } from "../../routes/shell";
import { Input } from "../../ui/controls";
import { Empty, Failed, Skeleton } from "../../ui/states";
import { ScheduleRow } from "./row";
import css from "./schedules.module.css";

const Calendar = lazy(() => import("./calendar-view"));

type Sort = "next" | "path";

const NEVER = "9999";
const ORDERS: Record<Sort, (a: ListedSchedule, b: ListedSchedule) => number> = {
  next: (a, b) => (a.next_at ?? NEVER).localeCompare(b.next_at ?? NEVER),
  path: (a, b) => a.path.localeCompare(b.path),
};

/** All schedules of a workspace, as a list or as a calendar. */
export function SchedulesPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useListAddress();
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const calendar = search.get("view") === "calendar";
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Schedules</h1>
        <nav className={css.ways} aria-label="Ways to look at them">
          <Link to={{ search: "" }} aria-current={calendar ? undefined : "page"}>
            List
          </Link>
          <Link to={{ search: "?view=calendar" }} aria-current={calendar ? "page" : undefined}>
            Calendar
          </Link>
        </nav>
      </div>
      {calendar ? (
        <Suspense fallback={<Skeleton />}>
          <Calendar workspace={workspace} search={search} set={set} />
        </Suspense>
      ) : (
        <List workspace={workspace} search={search} set={set} />
      )}
    </main>
  );
}

interface Props {
  workspace: string;
  search: URLSearchParams;
  set: (name: string, value: string) => void;
}

function List({ workspace, search, set }: Props) {
  const schedules = useQuery(allSchedulesQuery(workspace));
  const wanted = search.get("q") ?? "";
  const sort = (search.get("sort") ?? "next") as Sort;
  const words = wanted.toLowerCase().split(/\s+/);
  const shown = (schedules.data ?? [])
    .filter((each) => words.every((word) => textOf(each).includes(word)))
    .sort(ORDERS[sort] ?? ORDERS.next);
  return (
    <>
      <div className={css.fields}>
        <Input
          className={css.search}
          type="search"
          aria-label="Search schedules"
          placeholder="Search"
          value={wanted}
          onChange={(event) => set("q", event.target.value)}
        />
        <select
          className={css.select}
          aria-label="Sort by"
          value={sort}
          onChange={(event) => set("sort", event.target.value)}
        >
          <option value="next">Next run first</option>
          <option value="path">By path</option>
        </select>
      </div>
      {schedules.isPending && <Skeleton />}
      {schedules.error && <Failed error={schedules.error} retry={() => void schedules.refetch()} />}
      {schedules.data?.length === 0 && (
        <Empty title="No schedule yet">
          <p>A schedule starts a workflow at times that you name. Make one under “Triggers” of the workflow.</p>
        </Empty>
      )}
      {schedules.data && schedules.data.length > 0 && shown.length === 0 && (
        <Empty title="Nothing matches">
          <p>No schedule has “{wanted}” in its name, path, times or zone.</p>
        </Empty>
      )}
      {shown.length > 0 && (
        <ul className={css.list} aria-label="Schedules">
          {shown.map((each) => (
            <ScheduleRow key={each.path} workspace={workspace} schedule={each} />
          ))}
        </ul>
      )}
      {schedules.data?.length === MOST && <p className={css.note}>The first {MOST} by path are shown.</p>}
    </>
  );
}

const textOf = (each: ListedSchedule): string =>
  `${each.path} ${each.summary ?? ""} ${each.script_path} ${each.schedule} ${each.timezone}`.toLowerCase();
