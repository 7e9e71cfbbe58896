import { afterEach, expect, test, vi } from "vitest";
import { parseJson } from "../src/lib/exact-number";
import { findJsonDifferences } from "../src/runs/compare/json-differences";
import { searchJson } from "../src/runs/data/json-search";
import { applyEdit, isEqual } from "../src/workflow/edit";
import { preview, rowsOf } from "../src/workflow/scope";
import { editSource, parseSource, writeSource } from "../src/workflow/source";
import type { Json } from "../src/workflow/types";
import { parseYaml, toYaml } from "../src/workflow/yaml";

afterEach(() => {
  vi.unstubAllGlobals();
  // Test files share their modules.
  vi.resetModules();
});

const NUMBERS = [
  ...["12345678901234567890", "-9007199254740993", "0.12345678901234567890", "1e400", "-1E-400", "3e-324"],
  ...["123456789012345678901234567890.5e-10", "12345678901234567000001", "1.5e+0400", "1152921504606846976"],
];

/** Return the module in a browser with or without JSON.rawJSON. */
async function moduleWith(rawJSON: boolean): Promise<typeof import("../src/lib/exact-number")> {
  vi.resetModules();
  const { parse, stringify } = JSON;
  const raw = { rawJSON: (text: string) => Object.freeze({ rawJSON: text }) };
  vi.stubGlobal("JSON", { parse, stringify, ...(rawJSON ? raw : {}) });
  return await import("../src/lib/exact-number");
}

test("numbers that JavaScript would round are written as they were read, also in browsers without JSON.rawJSON", async () => {
  const { ExactNumber, parseJson } = await moduleWith(false);
  for (const text of NUMBERS) {
    const whole = `{"a":[${text},{"b":${text}}],"c":"${text}","${text}":1}`;
    const value = parseJson(whole) as { a: unknown[] };
    expect(value.a[0]).toBeInstanceOf(ExactNumber);
    expect(String(value.a[0])).toBe(text);
    expect(JSON.stringify(value)).toBe(whole);
    expect(JSON.stringify(parseJson(` ${text} `))).toBe(text);
  }
  expect(JSON.stringify(parseJson(`[${NUMBERS}]`), null, 2)).toBe(`[\n  ${NUMBERS.join(",\n  ")}\n]`);
  expect(JSON.stringify(undefined)).toBeUndefined();
});

test("a browser with JSON.rawJSON writes the numbers itself", async () => {
  const { ExactNumber } = await moduleWith(true);
  expect(new ExactNumber("1e400").toJSON()).toEqual({ rawJSON: "1e400" });
});

test("all other numbers and texts are read as by JSON.parse", () => {
  const texts = [
    ...["0", "-0.0", "1.50", "1e5", "1e-07", "1e+22", "0.30000000000000004", "9007199254740992", "1e23", "5e-324"],
    ...["0e999", "1.00000000000000000000", "123456789012345680000", "1.7976931348623157e+308"],
    String.raw`{"a\"12345678901234567890": "x: 12345678901234567890", "b": "\\", "c": "[12345678901234567890, 1e400"}`,
    '{"__proto__": {"a": 1}, "n": [null, true, false, ""]}',
  ];
  for (const text of texts) expect(parseJson(text), text).toEqual(JSON.parse(text));
  for (const text of [
    "",
    "{",
    "12345678901234567890x",
    "012345678901234567890",
    "{12345678901234567890: 1}",
    "[1e400,]",
  ])
    expect(() => parseJson(text), text).toThrow(SyntaxError);
  // A number beside them changes nothing about the other values.
  for (const text of texts) {
    const [, found] = parseJson(`[12345678901234567890, ${text}]`) as unknown[];
    expect(found, text).toEqual(JSON.parse(text));
  }
});

test("a long text with quotes and escapes is read", () => {
  const value = String.raw`"\n 1234567890123456789 `.repeat(300_000);
  const [text, number] = parseJson(`[${JSON.stringify(value)}, 12345678901234567890]`) as unknown[];
  expect(text).toBe(value);
  expect(String(number)).toBe("12345678901234567890");
});

const big = (text: string) => parseJson(text) as Json;

test("documents are read, edited and written with all digits", () => {
  const text = `value:
  modules:
    - id: a
      mock: {enabled: true, return_value: {id: 12345678901234567890, list: [0.12345678901234567890, 1.5]}}
      value: {type: identity}
`;
  const edited = editSource(text, { op: "set", path: ["value", "modules", 0, "mock", "enabled"], value: false });
  expect(edited).toBe(text.replace("true", "false"));
  const value = big('{"id": 12345678901234567890, "far": -1e400}');
  const path = ["value", "modules", 0, "summary"];
  const pinned = editSource(text, { op: "set", path, value });
  expect(pinned).toContain("summary:\n        id: 12345678901234567890\n        far: -1e400\n");
  expect(isEqual(parseSource(pinned), applyEdit(parseSource(text), { op: "set", path, value }))).toBe(true);
  // An alias makes the editor write the whole document again.
  const shared = "a: &a {id: 12345678901234567890}\nb: *a\nc: {d: 9007199254740993}\n";
  expect(editSource(shared, { op: "set", path: ["c", "d"], value: 1 })).toContain("{id: 12345678901234567890}");
  expect(writeSource(value)).toBe("id: 12345678901234567890\nfar: -1e400\n");
  expect(JSON.stringify(parseYaml("[12345678901234567890, '12345678901234567890', 1.5, 1e5]"))).toBe(
    '[12345678901234567890,"12345678901234567890",1.5,100000]',
  );
  expect(toYaml("12345678901234567890")).toBe('"12345678901234567890"\n');
});

test("views show all digits", () => {
  const value = big('{"n": 12345678901234567890, "list": [9007199254740993]}');
  expect(rowsOf("results.a", value).map((row) => preview(row.value))).toEqual(["12345678901234567890", "1 item"]);
  expect(searchJson(value, "9007199254740993", 9)).toMatchObject([{ path: "list[0]" }]);
  const other = big('{"n": 12345678901234567891, "list": [9007199254740993]}');
  expect(JSON.stringify(findJsonDifferences(value, other, 9))).toBe(
    '[{"path":"n","before":12345678901234567890,"after":12345678901234567891}]',
  );
});
