import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { filterOf, type RunFilter, timeRange, WINDOWS } from "../../api/run-filter";
import { histogramQuery, type RunPages, type RunRow, runsQuery } from "../../api/run-list";
import { useParams, useSearchParams } from "../../routing/hooks";
import { t } from "../../texts/runs";
import { Button, LinkButton } from "../../ui/controls";
import { Empty, Failed, Skeleton } from "../../ui/states";
import { BulkActions } from "./bulk-actions";
import type { SetFilter } from "./filter";
import { Filters } from "./filters";
import { Histogram } from "./histogram";
import { refreshRuns } from "./refresh";
import { Rows } from "./rows";
import css from "./runs.module.css";
import { SavedViewsMenu } from "./saved-views-menu";

const FRESH_MS = 4000;
const COUNT_MS = 20_000;

/** Page of all runs of a workspace, newest first. The filter is in the address. */
export function RunsPage() {
  const { workspace = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("runs.runs")}</h1>
        <LinkButton look="quiet" icon="search" to={`/w/${workspace}/runs/search`}>
          {t("runs.searchData")}
        </LinkButton>
        <SavedViewsMenu workspace={workspace} search={search} show={(view) => setSearch(new URLSearchParams(view))} />
      </div>
      <FilteredRuns workspace={workspace} />
    </main>
  );
}

/** Filter, histogram and list of runs: those of a workflow, otherwise all. The filter is in the address. */
export function FilteredRuns({ workspace, workflow }: { workspace: string; workflow?: string }) {
  const [search, setSearch] = useSearchParams();
  const filter = { ...filterOf(search), ...(workflow === undefined ? {} : { path: workflow }) };
  const setFilter: SetFilter = (changes) => {
    // Read the current address, not the rendered one: two changes may precede a render.
    const after = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) after.set(name, value);
      else after.delete(name);
    }
    setSearch(after, { replace: true });
  };
  return (
    <>
      <Filters filter={filter} put={setFilter} fixedPath={workflow !== undefined} />
      <RunHistogram workspace={workspace} filter={filter} put={setFilter} />
      <List
        key={`${workspace} ${JSON.stringify(filter)}`}
        workspace={workspace}
        filter={filter}
        put={setFilter}
        fixedPath={workflow !== undefined}
      />
    </>
  );
}

interface Props {
  workspace: string;
  filter: RunFilter;
  put: SetFilter;
}

/** Histogram of the runs in the time range of the filter. */
function RunHistogram({ workspace, filter, put }: Props) {
  const counts = useQuery({
    ...histogramQuery(workspace, filter),
    refetchInterval: COUNT_MS,
    placeholderData: (before) => before,
  });
  if (counts.error) return <Failed error={counts.error} retry={() => void counts.refetch()} />;
  if (!counts.data) return <Skeleton rows={2} />;
  return <Histogram histogram={counts.data} filter={filter} put={put} />;
}

/** Fetch the runs. While the page is open, the first page and one page with unfinished runs are fetched again. */
function useRuns(workspace: string, filter: RunFilter) {
  const queries = useQueryClient();
  const query = runsQuery(workspace, filter);
  const runs = useInfiniteQuery(query);
  useQuery({
    queryKey: ["runs-fresh", workspace, filter],
    enabled: runs.isSuccess,
    refetchInterval: FRESH_MS,
    staleTime: FRESH_MS,
    // Not at once: the runs have just been fetched.
    initialData: null,
    gcTime: 0,
    queryFn: async (): Promise<number | null> => {
      const data = queries.getQueryData<RunPages>(query.queryKey);
      if (!data) return null;
      const made = await refreshRuns(workspace, filter, data);
      // Data fetched in the meantime is used; the next refresh follows soon.
      queries.setQueryData<RunPages>(query.queryKey, (now) => (now === data ? made : now));
      return Date.now();
    },
  });
  return runs;
}

function List({ workspace, filter, put, fixedPath }: Props & { fixedPath: boolean }) {
  const runs = useRuns(workspace, filter);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState<string[] | null>(null);
  if (runs.isPending) return <Skeleton />;
  if (runs.error) return <Failed error={runs.error} retry={() => void runs.refetch()} />;
  const rows = runs.data.pages.flatMap((page) => page.rows);
  if (rows.length === 0) return <EmptyRuns filter={fixedPath ? { ...filter, path: "" } : filter} put={put} />;
  const choose = (row: RunRow, yes: boolean) => {
    setAll(null);
    const next = new Set(chosen);
    if (yes) next.add(row.id);
    else next.delete(row.id);
    setChosen(next);
  };
  return (
    <>
      <BulkActions
        {...{ workspace, filter, rows, all }}
        chosen={[...chosen]}
        chooseAll={setAll}
        choose={(ids) => {
          setAll(null);
          setChosen(new Set(ids));
        }}
        done={() => void runs.refetch()}
      />
      <Rows
        {...{ workspace, rows, choose, put }}
        isChosen={(id) => all !== null || chosen.has(id)}
        more={() => runs.hasNextPage && !runs.isFetchingNextPage && void runs.fetchNextPage()}
      />
      {runs.isFetchingNextPage && <Skeleton rows={2} />}
      {!runs.hasNextPage && <p className={css.end}>{t("runs.noOlderRuns")}</p>}
    </>
  );
}

function EmptyRuns({ filter, put }: { filter: RunFilter; put: SetFilter }) {
  const narrowed = filter.states.length + filter.path.length + filter.text.length + filter.trigger.length > 0;
  const { since } = timeRange(filter, Date.now());
  const longest = Date.now() - since >= (WINDOWS["90d"]?.ms ?? 0);
  return (
    <Empty title={t("runs.noRuns")}>
      <p>{t(narrowed || filter.by ? "runs.noRunsFiltered" : "runs.noRunsHint")}</p>
      {!longest && <Button onClick={() => put({ last: "90d", from: "", to: "" })}>{t("runs.showLast90Days")}</Button>}
      {(narrowed || filter.by) && (
        <Button onClick={() => put({ state: "", path: "", q: "", trigger: "", by: "" })}>
          {t("runs.clearFilters")}
        </Button>
      )}
    </Empty>
  );
}
