import { useQuery } from "@tanstack/react-query";
import { allSchedulesQuery, LIMIT, type ListedSchedule } from "../api/schedules";
import { lazyComponent } from "../lib/lazy-component";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/schedules";
import { scheduleText } from "../triggers/times";
import { ListTools, NoMatches, type SortOption, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { useUrlParams } from "../ui/use-url-params";
import { ScheduleRow } from "./row";
import css from "./schedules.module.css";

const Calendar = lazyComponent(() => import("./calendar-view"), <Skeleton />);

const NEVER = "9999";
const ORDERS: readonly [SortOption<ListedSchedule>, ...SortOption<ListedSchedule>[]] = [
  {
    name: "next",
    label: t("schedules.byNext"),
    before: (a, b) => (a.next_at ?? NEVER).localeCompare(b.next_at ?? NEVER),
  },
  { name: "path", label: t("schedules.byPath"), before: (a, b) => a.path.localeCompare(b.path) },
];

/** List or calendar of all schedules of a workspace. */
export function SchedulesPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useUrlParams();
  const calendar = search.get("view") === "calendar";
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("schedules.title")}</h1>
        <nav className={css.viewLinks} aria-label={t("schedules.views")}>
          <Link to={{ search: "" }} aria-current={calendar ? undefined : "page"}>
            {t("schedules.list")}
          </Link>
          <Link to={{ search: "?view=calendar" }} aria-current={calendar ? "page" : undefined}>
            {t("schedules.calendar")}
          </Link>
        </nav>
      </div>
      {calendar ? <Calendar workspace={workspace} search={search} set={set} /> : <List workspace={workspace} />}
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
        <Empty title={t("schedules.none")}>
          <p>
            {tWith("schedules.noneHint", {
              workflows: <Link to={`/w/${workspace}/workflows`}>{t("schedules.workflows")}</Link>,
            })}
          </p>
        </Empty>
      )}
      {schedules.data && schedules.data.length > 0 && items.length === 0 && (
        <NoMatches what="schedules" wanted={query} />
      )}
      {items.length > 0 && (
        <ul className={css.list} aria-label={t("schedules.title")}>
          {items.map((each) => (
            <ScheduleRow key={each.path} workspace={workspace} schedule={each} />
          ))}
        </ul>
      )}
      {schedules.data?.length === LIMIT && <p className={css.note}>{t("schedules.limited", { count: LIMIT })}</p>}
    </>
  );
}

const textOf = (each: ListedSchedule): string =>
  `${each.path} ${each.summary ?? ""} ${each.script_path} ${each.script_summary ?? ""} ${each.schedule} ${scheduleText(each.schedule)} ${each.timezone}`;
