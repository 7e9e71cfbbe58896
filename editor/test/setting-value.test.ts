import { expect, test } from "vitest";

const { kindOfSetting, settingText, settingValue } = await import("../src/settings/setting-value");

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
