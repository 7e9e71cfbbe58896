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

/** Value of the option that stands for the active states. */
const ACTIVE = "active";

/** A choice of the states of a list: the active ones are selected, another one is added to them. */
export interface StateChoice {
  selected: string;
  options: { value: string; label: string }[];
}

/** Return the choice of the states. */
export function stateChoice(states: readonly string[]): StateChoice {
  const active = { value: ACTIVE, label: ANY.format(states.map(statusLabel)) };
  const others = STATES.filter((each) => !states.includes(each)).map((each) => ({
    value: each,
    label: statusLabel(each),
  }));
  return {
    selected: states.length > 0 ? ACTIVE : "",
    options: [{ value: "", label: t("runs.anyStatus") }, ...(states.length > 0 ? [active] : []), ...others],
  };
}

/** Return the states after an option was chosen. */
export function withChoice(states: readonly string[], value: string): readonly string[] {
  if (value === ACTIVE) return states;
  return value === "" ? [] : [...states, value];
}

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
