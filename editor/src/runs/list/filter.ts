import { DEFAULT_WINDOW, type RunFilter, WINDOWS } from "../../api/run-filter";

/** Changes parts of the address by their names; an empty value removes a part. */
export type SetFilter = (changes: Record<string, string>) => void;

export const STATES = ["queued", "running", "awaiting_approval", "paused", "succeeded", "failed", "cancelled"];
export const TRIGGERS = ["manual", "api", "webhook", "schedule", "http", "rerun", "deploy"];

export function filterOf(search: URLSearchParams): RunFilter {
  const [from, to] = [parseTime(search.get("from")), parseTime(search.get("to"))];
  const last = search.get("last") ?? "";
  return {
    states: (search.get("state") ?? "").split(",").filter(Boolean),
    path: search.get("path") ?? "",
    text: search.get("q") ?? "",
    trigger: search.get("trigger") ?? "",
    by: search.get("by") ?? "",
    last: from ? "" : last in WINDOWS ? last : DEFAULT_WINDOW,
    from,
    to: from ? to : "",
  };
}

function parseTime(text: string | null): string {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

/** What narrows the list, each with the part of the address that says it. */
export function activeFilters(filter: RunFilter): { name: string; word: string; value: string }[] {
  return [
    { name: "state", word: "state", value: filter.states.map((each) => each.replace("_", " ")).join(" or ") },
    { name: "path", word: "path", value: filter.path },
    { name: "q", word: "path has", value: filter.text },
    { name: "trigger", word: "trigger", value: filter.trigger },
    { name: "by", word: "by", value: filter.by },
  ].filter((each) => each.value !== "");
}
