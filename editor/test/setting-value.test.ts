import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { kindOfSetting, settingText, settingValue } = await import("../src/settings/setting-value");
const { settingTexts } = await import("../src/settings/setting-texts");
const { settingSummary } = await import("../src/settings/setting-summary");

test("the field of a setting follows its schema", () => {
  expect(kindOfSetting({ type: "integer", minimum: 8 })).toBe("integer");
  expect(kindOfSetting({ anyOf: [{ type: "null" }, { type: "string" }] })).toBe("string");
  expect(kindOfSetting({ type: "boolean" })).toBe("boolean");
  expect(kindOfSetting({ anyOf: [{ type: "string", format: "color" }, { type: "null" }] })).toBe("color");
  expect(kindOfSetting({ type: "object", additionalProperties: { type: "string" } })).toBe("map");
  expect(kindOfSetting({ type: "object" })).toBe("json");
  expect(kindOfSetting({ anyOf: [{ $ref: "#/$defs/Corp" }, { type: "null" }] })).toBe("json");
});

test("texts are read as values", () => {
  expect(settingValue(" 12 ", "integer")).toEqual({ value: 12 });
  expect(settingValue("1.5", "integer")).toHaveProperty("error");
  expect(settingValue("", "string")).toEqual({ value: null });
  expect(settingValue("true", "boolean")).toEqual({ value: true });
  expect(settingValue("{", "json")).toHaveProperty("error");
  expect(settingText({ a: "***" }, "json")).toBe('{\n  "a": "***"\n}');
});

test("the summary of a setting contains no names of fields", () => {
  const summary = (name: string, value: unknown, usual: unknown = null) =>
    settingSummary({ name, value, default: usual, schema: { type: "object" } as never });
  const conditions = { queue_age_s: 300, database_bytes: null, lost_workers: true, group_workers: {} };
  expect(summary("alerts", { channels: { chat: {} }, ...conditions })).toBe("1 channel, 2 conditions");
  expect(summary("alerts", { lost_workers: false }, { channels: {}, ...conditions })).toBe("No channels, 1 condition");
  expect(summary("queue_rules", { reserved: { gpu: ["sales"] }, allowed: {} })).toBe(
    "1 reserved queue, no limited workspaces",
  );
  expect(summary("smtp", { host: "mail.example.org", port: 587, sender: "a@b" })).toBe("mail.example.org:587");
  expect(summary("smtp", { host: "mail.example.org", sender: "a@b" })).toBe("mail.example.org:587");
  expect(summary("require_totp", false)).toBe("No");
  expect(summary("worker_groups", {})).toBe("Not set");
});

test("every setting of the instance has a label, and a page of the documentation that exists", () => {
  const docs = new URL("../../docs/", import.meta.url);
  const [, section = ""] = readFileSync(new URL("reference/settings.md", docs), "utf8").split(
    "## Settings of the instance",
  );
  const names = [...section.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) {
    const { label, guide } = settingTexts(name, "");
    expect(label).not.toBe(name);
    if (guide) expect(existsSync(new URL(`${guide}.md`, docs)), guide).toBe(true);
  }
});
