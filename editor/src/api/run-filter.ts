import { t } from "../texts/api";
/** Filter of a list of runs. Each part is a parameter of the address. */
export interface RunFilter {
  states: string[];
  path: string;
  /** Text somewhere in the path. */
  text: string;
  trigger: string;
  by: string;
  /** Runs of code that is not deployed are included. */
  tests: boolean;
  /** Time range, one of WINDOWS; "" if `from` and `to` are used. */
  last: string;
  /** ISO 8601, or "". */
  from: string;
  to: string;
}

const HOUR_MS = 3_600_000;

export const WINDOWS: Record<string, { name: string; ms: number }> = {
  "1h": { name: t("api.lastHour"), ms: HOUR_MS },
  "24h": { name: t("api.last24Hours"), ms: 24 * HOUR_MS },
  "7d": { name: t("api.last7Days"), ms: 7 * 24 * HOUR_MS },
  "30d": { name: t("api.last30Days"), ms: 30 * 24 * HOUR_MS },
  "90d": { name: t("api.last90Days"), ms: 90 * 24 * HOUR_MS },
};
const DEFAULT_WINDOW = "7d";

/** Value of the part `tests` of the address of a list without tests. */
export const NO_TESTS = "none";

/** Return the filter of an address. */
export function filterOf(search: URLSearchParams): RunFilter {
  const [from, to] = [parseTime(search.get("from")), parseTime(search.get("to"))];
  const last = search.get("last") ?? "";
  return {
    states: (search.get("state") ?? "").split(",").filter(Boolean),
    path: search.get("path") ?? "",
    text: search.get("q") ?? "",
    trigger: search.get("trigger") ?? "",
    by: search.get("by") ?? "",
    tests: search.get("tests") !== NO_TESTS,
    last: from ? "" : last in WINDOWS ? last : DEFAULT_WINDOW,
    from,
    to: from ? to : "",
  };
}

function parseTime(text: string | null): string {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

/** Address of the failed runs that the home page counts: without tests. */
export const failedRuns = (workspace: string): string => `/w/${workspace}/runs?state=failed&tests=${NO_TESTS}`;

/** Return the time range of a filter, in milliseconds; `until` is null if it is open. */
export function timeRange({ last, from, to }: RunFilter, now: number): { since: number; until: number | null } {
  if (from) return { since: Date.parse(from), until: to ? Date.parse(to) : null };
  return { since: now - (WINDOWS[last]?.ms ?? 0), until: null };
}

/** Kinds of runs that are no tests. */
export const DEPLOYED_KINDS = "flow,script";

/** Return the query parameters of a filter. */
export function toQuery(filter: RunFilter, now: number) {
  const { since, until } = timeRange(filter, now);
  return {
    has_null_parent: true,
    created_after: new Date(since).toISOString(),
    ...(until === null ? {} : { created_before: new Date(until).toISOString() }),
    ...(filter.states.length > 0 ? { states: filter.states.join(",") } : {}),
    ...(filter.path ? { script_path_exact: filter.path } : {}),
    ...(filter.text ? { script_path_text: filter.text } : {}),
    ...(filter.trigger ? { trigger_kind: filter.trigger } : {}),
    ...(filter.by ? { created_by: filter.by } : {}),
    ...(filter.tests ? {} : { job_kinds: DEPLOYED_KINDS }),
  };
}

/** Return whether a kind of run is a test: of a workflow, of one of its nodes or of a script that is not deployed. */
export const isTest = (kind: string): boolean => kind.endsWith("preview");
