import type { FetchQueryOptions, QueryKey } from "@tanstack/react-query";
import type { Params } from "../routing/match";
import { draftQuery } from "./drafts";
import { flowQuery } from "./flows";
import { ownMemberQuery } from "./members";
import { overviewQuery } from "./overview";
import { queries } from "./query-client";
import { filterOf } from "./run-filter";
import { histogramQuery, runsOverTimeQuery, runsQuery } from "./run-list";
import { aboutQuery, documentQuery } from "./runs";
import { loginOptionsQuery, meQuery } from "./session";

/**
 * Age in milliseconds up to which components show the data of these queries and do not request it again. It applies to
 * prefetched data and, as a default of the query, to all later data until the page is reloaded.
 */
const MAX_AGE_MS = 2000;

/** Request data before the component that shows it is loaded. */
export async function prefetch<Data, Key extends QueryKey>(
  query: FetchQueryOptions<Data, Error, Data, Key>,
): Promise<void> {
  queries.setQueryDefaults(query.queryKey, { staleTime: MAX_AGE_MS });
  await queries.prefetchQuery({ ...query, gcTime: MAX_AGE_MS });
}

export async function prefetchFrame({ workspace }: Params): Promise<void> {
  const queries = [prefetch(meQuery), prefetch(loginOptionsQuery)];
  if (workspace) queries.push(prefetch(ownMemberQuery(workspace)));
  await Promise.all(queries);
}

export function prefetchHome({ workspace = "" }: Params): void {
  void prefetch(overviewQuery(workspace));
  void prefetch(runsOverTimeQuery(workspace, "24h"));
}

/** Request the first page of the list of runs, and the histogram above it. */
export function prefetchRuns({ workspace = "" }: Params): void {
  const filter = filterOf(new URLSearchParams(window.location.search));
  const query = runsQuery(workspace, filter);
  queries.setQueryDefaults(query.queryKey, { staleTime: MAX_AGE_MS });
  void queries.prefetchInfiniteQuery({ ...query, gcTime: MAX_AGE_MS });
  void prefetch(histogramQuery(workspace, filter));
}

/** Request the draft of a workflow, and its newest version if there is one. */
export async function prefetchWorkflow({ workspace = "", "*": path = "" }: Params): Promise<void> {
  const query = draftQuery(workspace, path);
  await prefetch(query);
  if (queries.getQueryData(query.queryKey)?.newest_version !== null) await prefetch(flowQuery(workspace, path));
}

/** Request the facts of a run, and the document of a workflow. */
export async function prefetchRun({ workspace = "", id = "" }: Params): Promise<void> {
  const query = aboutQuery(workspace, id);
  await prefetch(query);
  const about = queries.getQueryData(query.queryKey);
  if (about?.is_workflow) await prefetch(documentQuery(workspace, about.run_id));
}
