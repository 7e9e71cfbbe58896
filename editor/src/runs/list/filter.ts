/** Which runs a list shows. It stands in the address, each part under its own name. */
export interface RunFilter {
  states: string[];
  path: string;
  /** Text somewhere in the path. */
  text: string;
  trigger: string;
  by: string;
  /** How far back, one of WINDOWS; "" where `from` and `to` say it. */
  last: string;
  /** ISO 8601, or "". */
  from: string;
  to: string;
}

const HOUR_MS = 3_600_000;

export const WINDOWS: Record<string, { name: string; ms: number }> = {
  "1h": { name: "Last hour", ms: HOUR_MS },
  "24h": { name: "Last 24 hours", ms: 24 * HOUR_MS },
  "7d": { name: "Last 7 days", ms: 7 * 24 * HOUR_MS },
  "30d": { name: "Last 30 days", ms: 30 * 24 * HOUR_MS },
  "90d": { name: "Last 90 days", ms: 90 * 24 * HOUR_MS },
};
export const USUAL = "7d";

export const STATES = ["queued", "running", "awaiting_approval", "paused", "succeeded", "failed", "cancelled"];
export const TRIGGERS = ["manual", "api", "webhook", "schedule", "http", "rerun", "deploy"];

export function filterOf(search: URLSearchParams): RunFilter {
  const [from, to] = [instant(search.get("from")), instant(search.get("to"))];
  const last = search.get("last") ?? "";
  return {
    states: (search.get("state") ?? "").split(",").filter(Boolean),
    path: search.get("path") ?? "",
    text: search.get("q") ?? "",
    trigger: search.get("trigger") ?? "",
    by: search.get("by") ?? "",
    last: from ? "" : last in WINDOWS ? last : USUAL,
    from,
    to: from ? to : "",
  };
}

function instant(text: string | null): string {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

/** The times that a filter means now (milliseconds); `until` null: to the end. */
export function times({ last, from, to }: RunFilter, now: number): { since: number; until: number | null } {
  if (from) return { since: Date.parse(from), until: to ? Date.parse(to) : null };
  return { since: now - (WINDOWS[last]?.ms ?? 0), until: null };
}

/** A filter as the API's lists take it. */
export function toQuery(filter: RunFilter, now: number) {
  const { since, until } = times(filter, now);
  return {
    has_null_parent: true,
    created_after: new Date(since).toISOString(),
    ...(until === null ? {} : { created_before: new Date(until).toISOString() }),
    ...(filter.states.length > 0 ? { states: filter.states.join(",") } : {}),
    ...(filter.path ? { script_path_exact: filter.path } : {}),
    ...(filter.text ? { script_path_text: filter.text } : {}),
    ...(filter.trigger ? { trigger_kind: filter.trigger } : {}),
    ...(filter.by ? { created_by: filter.by } : {}),
  };
}

/** What narrows the list, each with the part of the address that says it. */
export function chips(filter: RunFilter): { name: string; word: string; value: string }[] {
  return [
    { name: "state", word: "state", value: filter.states.map((each) => each.replace("_", " ")).join(" or ") },
    { name: "path", word: "path", value: filter.path },
    { name: "q", word: "path has", value: filter.text },
    { name: "trigger", word: "trigger", value: filter.trigger },
    { name: "by", word: "by", value: filter.by },
  ].filter((each) => each.value !== "");
}
