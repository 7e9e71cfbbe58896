import { parseJson } from "../lib/exact-number";
import { t } from "../texts/settings";
import { at, type Json } from "../workflow/types";

/** Kind of the field of a setting; a map has texts by name. */
export type SettingKind = "boolean" | "integer" | "string" | "color" | "map" | "json";

/** Return the kind of field for a JSON Schema, whose value may also be null. */
export function kindOfSetting(schema: Json): SettingKind {
  const options = at(schema, ["anyOf"]);
  const [found = null] = (Array.isArray(options) ? options : [schema]).filter((each) => at(each, ["type"]) !== "null");
  const type = at(found, ["type"]);
  if (at(found, ["format"]) === "color") return "color";
  if (type === "object" && at(found, ["additionalProperties", "type"]) === "string") return "map";
  return type === "boolean" || type === "integer" || type === "string" ? type : "json";
}

/** Return the text of a value in its field. */
export function settingText(value: Json, kind: SettingKind): string {
  if (value === null) return "";
  return kind === "json" || kind === "map" ? JSON.stringify(value, null, 2) : String(value);
}

/** Return the value of a text, null if it is empty, or an error. */
export function settingValue(text: string, kind: SettingKind): { value: Json } | { error: string } {
  const trimmed = text.trim();
  if (trimmed === "") return { value: null };
  if (kind === "string" || kind === "color") return { value: trimmed };
  if (kind === "integer" && !/^-?\d+$/.test(trimmed)) return { error: t("settings.notInteger") };
  try {
    return { value: parseJson(trimmed) as Json };
  } catch {
    return { error: t("settings.notJson") };
  }
}
