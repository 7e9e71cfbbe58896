import { expect, test } from "vitest";
import { applyChange } from "../src/workflow/commands";
import { applyEdit, isEqual } from "../src/workflow/edit";
import { type Choice, findDifferences, mergeParts, type Part } from "../src/workflow/merge";
import { outline } from "../src/workflow/outline";
import { editSource, parseSource } from "../src/workflow/source";
import type { Json } from "../src/workflow/types";
import { trees } from "./documents";

const BASE = `# Said at the top.
summary: Orders
value:
  modules:
    - {id: take, value: {type: identity}}   # beside it
    - id: each
      value:
        type: forloopflow
        iterator: {type: javascript, expr: results.take}
        skip_failures: false
        modules:
          - {id: inner, value: {type: identity}}
    - {id: book, summary: Book, value: {type: identity}}
`;

function mergeOf(mine: string, theirs: string, chosen: (part: Part) => Choice) {
  const [base, my, their] = [BASE, mine, theirs].map((text) => parseSource(text)) as [Json, Json, Json];
  const parts = findDifferences(base, my, their);
  const change = mergeParts(my, their, parts, new Map(parts.map((part) => [part.key, chosen(part)])));
  const text = change.edits.reduce(editSource, mine);
  expect(isEqual(parseSource(text), applyChange(my, change))).toBe(true);
  return { parts: Object.fromEntries(parts.map((part) => [part.name, part.state])), text };
}

const byWho = (part: Part): Choice => (part.state === "theirs" ? "theirs" : "mine");

test("what only one changed comes from them, with every comment kept", () => {
  const mine = BASE.replace("summary: Book", "summary: Book it");
  const theirs = BASE.replace("summary: Orders", "summary: All orders").replace("failures: false", "failures: true");
  const found = mergeOf(mine, theirs, byWho);
  expect(found.parts).toEqual({ book: "mine", each: "theirs", summary: "theirs" });
  expect(found.text).toBe(mine.replace("Orders", "All orders").replace("failures: false", "failures: true"));
});

test("what both changed is theirs or mine as chosen", () => {
  const mine = BASE.replace("summary: Book", "summary: Mine");
  const theirs = BASE.replace("summary: Book", "summary: Theirs");
  expect(mergeOf(mine, theirs, byWho)).toEqual({ parts: { book: "both" }, text: mine });
  expect(mergeOf(mine, theirs, () => "theirs").text).toBe(theirs);
});

test("nodes that they added, took away and moved are, also within boxes", () => {
  const mine = BASE.replace("Orders", "Mine");
  const more = "          - {id: more, value: {type: identity}}\n";
  const theirs = BASE.replace("    - {id: book, summary: Book, value: {type: identity}}\n", "").replace(
    "          - {id: inner, value: {type: identity}}\n",
    `          - {id: inner, value: {type: identity}}\n${more}`,
  );
  const found = mergeOf(mine, theirs, byWho);
  expect(found.parts).toEqual({ book: "theirs", more: "theirs", summary: "mine" });
  const graph = outline(parseSource(found.text));
  expect([...graph.byId.keys()].sort()).toEqual(["each", "inner", "more", "take"]);
  expect(graph.byId.get("more")?.inside).toBe("each");
  const out = BASE.replace("          - {id: inner, value: {type: identity}}\n", "          []\n").replace(
    "    - {id: book",
    "    - {id: inner, value: {type: identity}}\n    - {id: book",
  );
  const moved = outline(parseSource(mergeOf(mine, out, byWho).text));
  expect(moved.byId.get("inner")?.inside).toBeNull();
  expect(moved.main.nodes.map((node) => node.id)).toEqual(["take", "each", "inner", "book"]);
});

test("a box that they added comes with its nodes, and one that I took away stays away", () => {
  const [box] = BASE.match(/ {4}- id: each[\s\S]*?(?= {4}- \{id: book)/) ?? [""];
  const added = box.replace("id: each", "id: other").replace("id: inner", "id: deep");
  const found = mergeOf(BASE.replace(box, ""), BASE.replace(box, box + added), byWho);
  expect(found.parts).toEqual({ each: "mine", inner: "mine", other: "theirs", deep: "theirs" });
  const graph = outline(parseSource(found.text));
  expect(graph.main.nodes.map((node) => node.id)).toEqual(["take", "other", "book"]);
  expect(graph.byId.get("deep")?.inside).toBe("other");
});

test.each(trees)("all of theirs gives theirs, all of mine changes nothing: %s", (_, theirs) => {
  const ids = outline(theirs).main.nodes;
  const first = ids[0];
  if (!first) return;
  let mine = applyEdit(theirs, { op: "set", path: [...first.path, "summary"], value: "Mine" });
  mine = applyEdit(mine, { op: "insert", path: first.list, index: 0, value: { id: "mine_alone", value: {} } });
  const parts = findDifferences(theirs, mine, theirs);
  const all = (choice: Choice) => mergeParts(mine, theirs, parts, new Map(parts.map((part) => [part.key, choice])));
  expect(all("mine").edits).toEqual([]);
  expect(isEqual(applyChange(mine, all("theirs")), theirs)).toBe(true);
});
