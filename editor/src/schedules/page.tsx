import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Link, useParams } from "react-router";
import { allSchedulesQuery, LIMIT, type ListedSchedule } from "../api/schedules";
import { rememberWorkspace } from "../lib/last-workspace";
import { ListTools, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { useUrlParams } from "../ui/use-url-params";
import { ScheduleRow } from "./row";
import css from "./schedules.module.css";

const Calendar = lazy(() => import("./calendar-view"));

const NEVER = "9999";
const ORDERS: readonly [SortOption<ListedSchedule>, ...SortOption<ListedSchedule>[]] = [
  {
    name: "next",
    label: "Next run first",
    before: (a, b) => (a.next_at ?? NEVER).localeCompare(b.next_at ?? NEVER),
  },
  { name: "path", label: "By path", before: (a, b) => a.path.localeCompare(b.path) },
];

/** All schedules of a workspace, as a list or as a calendar. */
export function SchedulesPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useUrlParams();
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const calendar = search.get("view") === "calendar";
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Schedules</h1>
        <nav className={css.viewLinks} aria-label="Ways to look at them">
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
        <List workspace={workspace} />
      )}
    </main>
  );
}

function List({ workspace }: { workspace: string }) {
  const schedules = useQuery(allSchedulesQuery(workspace));
  const found = useListTools(schedules.data, textOf, ORDERS);
  const { items, query } = found;
  return (
    <>
      <div className={css.fields}>
        <ListTools what="schedules" found={found} />
      </div>
      {schedules.isPending && <Skeleton />}
      {schedules.error && <Failed error={schedules.error} retry={() => void schedules.refetch()} />}
      {schedules.data?.length === 0 && (
        <Empty title="No schedule yet">
          <p>A schedule starts a workflow at times that you name. Make one under “Triggers” of the workflow.</p>
        </Empty>
      )}
      {schedules.data && schedules.data.length > 0 && items.length === 0 && (
        <NoMatches what="schedules" wanted={query} />
      )}
      {items.length > 0 && (
        <ul className={css.list} aria-label="Schedules">
          {items.map((each) => (
            <ScheduleRow key={each.path} workspace={workspace} schedule={each} />
          ))}
        </ul>
      )}
      {schedules.data?.length === LIMIT && <p className={css.note}>The first {LIMIT} by path are shown.</p>}
    </>
  );
}

const textOf = (each: ListedSchedule): string =>
  `${each.path} ${each.summary ?? ""} ${each.script_path} ${each.schedule} ${each.timezone}`;
