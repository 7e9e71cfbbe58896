import { type Query, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { listBodies, listInside, listNested, type TimedBody } from "../../api/iterations";
import { eventsAfter, type RunEvent } from "../../api/run-events";
import { ENDED } from "../../lib/status";
import { type OpenRow, PAGE, type Page, type Pages, pageKey } from "./rows";
import { withEvents } from "./tracks";

const THROTTLE_MS = 1000;

interface ReadEvents {
  events: RunEvent[];
  last: string | null;
}

/** Fetch the events of a run: new ones when the run changes, and all of them again when it has ended. */
export function useEvents(workspace: string, run: string, moved: string, over: boolean) {
  const client = useQueryClient();
  const queryKey = ["run", workspace, run, "events"];
  const found = useQuery({
    queryKey,
    queryFn: async (): Promise<ReadEvents> => {
      const before = over ? undefined : client.getQueryData<ReadEvents>(queryKey);
      const more = await eventsAfter(workspace, run, before?.last ?? null);
      return { events: withEvents(before?.events ?? [], more.events), last: more.last };
    },
  });
  const { refetch } = found;
  // biome-ignore lint/correctness/useExhaustiveDependencies: fetched when the run changes
  useEffect(() => void refetch(), [moved, over, refetch]);
  return found;
}

/** Fetch pages of iterations. Pages with unfinished iterations are fetched again when the run changes. */
export function usePages(workspace: string, run: string, pages: readonly Page[], moved: string): Pages {
  const found = useQueries({
    queries: pages.map(({ loop, page }) => ({
      queryKey: ["run", workspace, run, "bodies", loop, page],
      queryFn: () => listBodies(workspace, run, loop, page, PAGE),
      ...CACHED,
    })),
    combine: dataOf,
  });
  useInvalidate(workspace, run, moved);
  return new Map(pages.map(({ loop, page }, each) => [pageKey(loop, page), found[each] ?? []]));
}

/** Fetch the content of open rows, in their order. */
export function useInsides(workspace: string, run: string, inside: readonly OpenRow[]) {
  return useQueries({
    queries: inside.map(({ job, loop }) => ({
      queryKey: ["run", workspace, run, "bodies", job, loop],
      queryFn: () => (loop === null ? listInside(workspace, job) : listNested(workspace, job, loop)),
      ...CACHED,
    })),
    combine: dataOf,
  });
}

const dataOf = (results: readonly { data: TimedBody[] | undefined }[]) => results.map(({ data }) => data);

function useInvalidate(workspace: string, run: string, moved: string): void {
  const client = useQueryClient();
  const again = useThrottled(moved, THROTTLE_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: fetched again when the run changes
  useEffect(() => {
    const goesOn = ({ state }: Query) => {
      const data = state.data as TimedBody[] | undefined;
      return data !== undefined && (data.length < PAGE || data.some((each) => !ENDED.has(each.status)));
    };
    void client.invalidateQueries({ queryKey: ["run", workspace, run, "bodies"], predicate: goesOn });
  }, [client, workspace, run, again]);
}

const CACHED = { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false };

/** Call `onSettled` with a value that has not changed for `ms`. */
export function useSettled<T>(value: T, onSettled: (value: T) => void, ms: number): void {
  const key = JSON.stringify(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key covers the value
  useEffect(() => {
    const timer = setTimeout(() => onSettled(value), ms);
    return () => clearTimeout(timer);
  }, [key, ms]);
}

/** Return a value that changes at most once per `ms`. */
function useThrottled(value: string, ms: number): string {
  const [shown, setShown] = useState(value);
  useEffect(() => {
    if (value === shown) return;
    const timer = setTimeout(() => setShown(value), ms);
    return () => clearTimeout(timer);
  }, [value, shown, ms]);
  return shown;
}
