import type { RunFilter } from "../../api/run-filter";
import { statusStyle } from "../../lib/status";
import { LOCALE } from "../../texts/language";
import { t } from "../../texts/runs";
import { triggerName } from "../trigger-name";

/** Changes parts of the address by their names; an empty value removes a part. */
export type SetFilter = (changes: Record<string, string>) => void;

export const STATES = ["queued", "running", "awaiting_approval", "paused", "succeeded", "failed", "cancelled"];
export const TRIGGERS = ["manual", "api", "webhook", "schedule", "http", "rerun", "deploy", "dry_run"];

const ANY = new Intl.ListFormat(LOCALE, { type: "disjunction" });
const statusLabel = (status: string): string => statusStyle(status).label;

/** Return the active filters: the parameter of the address, a label and the value. */
export function activeFilters(filter: RunFilter): { name: string; word: string; value: string }[] {
  return [
    { name: "state", word: t("runs.filterStatus"), value: ANY.format(filter.states.map(statusLabel)) },
    { name: "path", word: t("runs.filterPath"), value: filter.path },
    { name: "q", word: t("runs.filterText"), value: filter.text },
    { name: "trigger", word: t("runs.trigger"), value: triggerName(filter.trigger) },
    { name: "by", word: t("runs.startedBy"), value: filter.by },
    { name: "tests", word: t("runs.tests"), value: filter.tests ? "" : t("runs.testsHidden") },
  ].filter((each) => each.value !== "");
}
