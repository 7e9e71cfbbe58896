import { expect, test, vi } from "vitest";
import { parse, parseDocument } from "yaml";
import { apply, createEditor } from "../src/editor/store";
import { setField } from "../src/workflow/commands";
import type { Edit } from "../src/workflow/edit";
import { outline } from "../src/workflow/outline";
import { editSource, parseSource } from "../src/workflow/source";
import type { Path } from "../src/workflow/types";
import { toYaml } from "../src/workflow/yaml";
import { cases, examples, flowOf } from "./documents";

vi.mock("yaml", async (original) => {
  const real = await original<typeof import("yaml")>();
  return { ...real, parseDocument: vi.fn(real.parseDocument) };
});

const NODES = 500;
const code = { type: "rawscript", language: "bash", content: "echo 1\n", input_transforms: {} };
const large = toYaml({
  value: { modules: Array.from({ length: NODES }, (_, n) => ({ id: `n${n}`, summary: "A node", value: code })) },
});

test("a letter written into one of 500 nodes reads that node alone", () => {
  const flow = {
    path: "f/a/b",
    summary: "",
    edited_by: "",
    edited_at: "",
    archived: false,
    version_id: 1,
    value: null,
  };
  const store = createEditor(
    "main",
    { ...flow, source: { format: "yaml", text: large } },
    { text: large, revision: 1 },
  );
  const path = ["value", "modules", 250, "summary"];
  const write = (text: string) => apply(store, (model) => setField(model, path, text, "Set the summary"), "summary");
  write("B");
  vi.mocked(parseDocument).mockClear();
  write("Bo");
  const readThen = vi.mocked(parseDocument).mock.calls.map(([text]) => text.length);
  expect(readThen.reduce((sum, length) => sum + length, 0)).toBeLessThan(large.length / 100);
  expect(store.getState().text).toBe(
    large
      .split("A node")
      .map((part, n) => (n === 0 ? part : (n === 251 ? "Bo" : "A node") + part))
      .join(""),
  );
});

const EVERY = 10;
const texts: [string, string][] = [
  ...examples.map((each): [string, string] => [each.name, each.text]),
  ...cases.filter((_, n) => n % EVERY === 0).map((each): [string, string] => [each.name, toYaml(flowOf(each))]),
  [
    "comments and blocks",
    "value:\n  modules:\n    # one\n    - id: a\n      value: {type: identity}   # flow\n\n    - id: b\n      value:\n        content: |+\n          x\n\n\n    # two\n    - {id: c, value: {type: identity}}\n# foot\n",
  ],
  ["an alias", "value:\n  modules:\n    - {id: a, value: &same {type: identity}}\n    - {id: b, value: *same}\n"],
  ["no end of a line", "value:\n  modules:\n  - id: a\n    value: {type: identity}"],
  [
    "lines of Windows",
    "value:\r\n  modules:\r\n    - id: a\r\n      value: {type: identity}\r\n    - id: b\r\n      value: {type: identity}\r\n",
  ],
];

test.each(texts)("what is known of %s after edits is what its text says", (_, text) => {
  const nodes = [...outline(parseSource(text)).byId.values()].filter((node) => node.path[1] === "modules");
  const set = (path: Path): Edit => ({ op: "set", path: [...path, "summary"], value: "Said: with a colon" });
  const edits = [nodes[0], nodes[nodes.length >> 1], nodes.at(-1)].flatMap((node): Edit[] =>
    node
      ? [
          set(node.path),
          { op: "set", path: [...node.path, "note"], value: { deep: ["a\nb\n", null] } },
          set(node.path),
          { op: "remove", path: [...node.path, "note"] },
        ]
      : [],
  );
  let made = text;
  for (const edit of edits) {
    made = editSource(made, edit);
    expect(JSON.stringify(parseSource(made))).toBe(JSON.stringify(parse(made, { version: "1.2" })));
  }
});
