import { describe, expect, test } from "vitest";
import { applyEdit, type Edit, isEqual } from "../src/workflow/edit";
import { outline } from "../src/workflow/outline";
import { EditRefused, editSource, parseSource } from "../src/workflow/source";
import { at, isTree, type Json, type Path } from "../src/workflow/types";
import { cases, examples, flowOf, type Sample } from "./documents";

const COMMENTED = `# The head stays.
summary: A workflow   # with a word

value:
  modules:
    # About a.
    - id: a
      value: {type: identity}   # flow
    # About b.
    - id: b

      needs: [a]
      value:
        type: rawscript
        language: python3
        content: |
          def main():
              return 1   # not ours

        input_transforms: {}
    # About c.
    - id: c
      summary: 'Quoted'
      value: {type: identity}
# The foot stays.
`;

const add = { id: "added", value: { type: "identity" } };
const modules: Path = ["value", "modules"];

describe("an edit writes only what it is about", () => {
  const table: [string, Edit, string, string][] = [
    ["a word", { op: "set", path: ["summary"], value: "Another" }, "summary: A workflow ", "summary: Another "],
    [
      "a flow mapping",
      { op: "set", path: [...modules, 0, "value", "type"], value: "delay" },
      "{type: identity}   # flow",
      "{type: delay}   # flow",
    ],
    [
      "a new key of a node",
      { op: "set", path: [...modules, 1, "summary"], value: "The b" },
      "      needs: [a]\n",
      "      needs: [a]\n      summary: The b\n",
    ],
    [
      "an item before another",
      { op: "insert", path: modules, index: 1, value: add },
      "    # About b.\n",
      "    - id: added\n      value:\n        type: identity\n    # About b.\n",
    ],
    [
      "an item at the end",
      { op: "insert", path: modules, index: 3, value: add },
      "# The foot",
      "    - id: added\n      value:\n        type: identity\n# The foot",
    ],
    [
      "a text of several lines",
      { op: "set", path: [...modules, 1, "value", "content"], value: "def main():\n    return 2\n" },
      "          def main():\n              return 1   # not ours\n",
      "          def main():\n              return 2\n",
    ],
    ["an edge in a flow list", { op: "set", path: [...modules, 1, "needs"], value: ["a", "c"] }, "[a]", "[a, c]"],
    [
      "a node with what is said about it",
      { op: "remove", path: [...modules, 2] },
      "    # About c.\n    - id: c\n      summary: 'Quoted'\n      value: {type: identity}\n",
      "",
    ],
    ["a key", { op: "remove", path: [...modules, 2, "summary"] }, "      summary: 'Quoted'\n", ""],
  ];
  test.each(table)("%s", (_, edit, before, after) => {
    expect(COMMENTED).toContain(before);
    expect(editSource(COMMENTED, edit)).toBe(COMMENTED.replace(before, after));
  });
});

test("an empty list becomes a block", () => {
  const text = "value:\n  modules: []\n";
  const made = editSource(text, { op: "insert", path: modules, index: 0, value: add });
  expect(made).toBe("value:\n  modules:\n    - id: added\n      value:\n        type: identity\n");
});

test("JSON stays JSON", () => {
  const text = '{\n  "value": {\n    "modules": []\n  }\n}\n';
  const made = editSource(text, { op: "insert", path: modules, index: 0, value: add });
  expect(JSON.parse(made)).toEqual({ value: { modules: [add] } });
});

test("words that older readers take for true are quoted", () => {
  const made = editSource(COMMENTED, { op: "set", path: [...modules, 0, "mock"], value: { on: "yes" } });
  expect(made).toContain('"on": "yes"');
});

test("what an alias shares is not changed behind the other's back", () => {
  const text = "value:\n  modules:\n    - &x {id: a, value: {type: identity}}\n    - *x\n";
  expect(() => editSource(text, { op: "set", path: [...modules, 1, "id"], value: "b" })).toThrow(EditRefused);
});

/** Every sample with where its workflow's nodes are. */
const samples: [string, Sample, Path][] = [
  ...examples.map((each): [string, Sample, Path] => [each.name, each, []]),
  ...cases.map((each): [string, Sample, Path] => [each.name, each, ["flow"]]),
];

function comments(text: string): string[] {
  return text.split("\n").filter((line) => /^\s*#/.test(line));
}

test.each(samples)("edits of %s give the document that was meant, and lose no line beside it", (_, sample, root) => {
  const tree = root.length === 0 ? parseSource(sample.text) : flowOf(sample);
  const list: Path = root.length === 0 ? modules : ["flow", "modules"];
  const nodes = [...outline(tree).byId.values()];
  const place = (path: Path): Path => (root.length === 0 ? path : ["flow", ...path.slice(1)]);
  const edits: Edit[] = nodes.slice(0, 2).flatMap((node): Edit[] => [
    { op: "set", path: [...place(node.path), "summary"], value: "Said: with a colon" },
    { op: "set", path: [...place(node.path), "value", "note"], value: { deep: ["a", { b: null }] } },
    { op: "insert", path: place(node.list), index: node.index, value: add },
  ]);
  if (at(parseSource(sample.text), list) === undefined) return;
  for (const edit of edits) {
    if (edit.op === "insert" && !Array.isArray(at(parseSource(sample.text), edit.path))) continue;
    const before = parseSource(sample.text);
    const made = editSource(sample.text, edit);
    expect(isEqual(parseSource(made), applyEdit(before, edit))).toBe(true);
    expect(comments(made)).toEqual(comments(sample.text));
  }
});

test("a fault is told with its line", () => {
  expect(() => parseSource("value:\n  modules: [\n")).toThrow(expect.objectContaining({ line: expect.any(Number) }));
  expect(isTree(parseSource("a: 1") as Json)).toBe(true);
});
