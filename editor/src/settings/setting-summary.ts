import type { InstanceSetting } from "../api/instance-settings";
import { t } from "../texts/settings";
import { isTree, type Json, type Tree } from "../workflow/types";
import { kindOfSetting } from "./setting-value";

/** Summaries of objects, by setting. */
const SUMMARIES: Readonly<Record<string, (value: Tree) => string>> = {
  alerts: ({ channels, ...conditions }) =>
    t("settings.alertsSummary", {
      channels: count(channels),
      conditions: Object.values(conditions).filter(isOn).length,
    }),
  queue_rules: ({ reserved, allowed }) =>
    t("settings.queueRulesSummary", { reserved: count(reserved), limited: count(allowed) }),
  smtp: ({ host, port = 587 }) => `${host}:${port}`,
};

const count = (entries: Json | undefined): number => Object.keys(entries ?? {}).length;

/** Return whether a condition of alerts has a value. */
const isOn = (value: Json): boolean => (isTree(value) ? count(value) > 0 : value !== null && value !== false);

type Summarized = Pick<InstanceSetting, "name" | "value" | "default" | "schema">;

/** Return the value of a setting in one line. Of a map, these are its entries; of another object, its names. */
export function settingSummary({ name, value, default: usual, schema }: Summarized): string {
  if (value === null || value === undefined) return t("settings.notSet");
  if (typeof value === "boolean") return t(value ? "settings.yes" : "settings.no");
  if (!isTree(value as Json)) return String(value);
  const tree = value as Tree;
  const summary = SUMMARIES[name];
  // A stored value may leave out what has a default.
  if (summary) return summary({ ...(usual as Tree | null), ...tree });
  const isMap = kindOfSetting(schema as Json) === "map";
  const entries = Object.entries(tree).map(([key, each]) => (isMap ? `${key}: ${each}` : key));
  return entries.join(", ") || t("settings.notSet");
}
