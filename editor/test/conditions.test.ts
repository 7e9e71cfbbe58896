import { expect, test } from "vitest";
import { CATALOG } from "../src/workflow/catalog";
import * as commands from "../src/workflow/commands";
import { outline } from "../src/workflow/outline";
import { editSource, parseSource } from "../src/workflow/source";

const model = (text: string): commands.Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};
const run = (text: string, change: commands.Change) => change.edits.reduce(editSource, text);
const edges = (text: string) => model(text).graph.main.edges.map((edge) => `${edge.from}-${edge.on}-${edge.to}`);
const offer = (key: string) => CATALOG.find((each) => each.key === key) as (typeof CATALOG)[number];

const document = (...modules: string[]) =>
  `value:\n  modules:\n${modules.map((module) => `    - ${module}\n`).join("")}`;
const CHECK = "{id: check, value: {type: condition, expr: 'true'}}";
const A = "{id: a, value: {type: identity}}";
const B = "{id: b, value: {type: identity}}";

test("the first node added after a condition runs on true, the second on false", () => {
  const start = document(CHECK);
  const first = model(start);
  const one = run(start, commands.addNode(first, { lane: first.graph.main, after: "check" }, offer("identity")));
  expect(edges(one)).toEqual(["check-true-pass"]);
  const second = model(one);
  const two = run(one, commands.addNode(second, { lane: second.graph.main, after: "check" }, offer("identity")));
  expect(edges(two)).toEqual(["check-true-pass", "check-false-pass_2"]);
});

test("a condition put on an edge leads on with true", () => {
  for (const text of [document(A, B), document(A, "{id: b, needs: [a], value: {type: identity}}")]) {
    const before = model(text);
    const edge = before.graph.main.edges[0];
    if (!edge) throw new Error("no edge");
    const made = run(text, commands.addNode(before, { lane: before.graph.main, edge }, offer("condition")));
    expect(edges(made)).toEqual(["a-success-check", "check-true-b"]);
  }
});

test("a condition added after a node or at the start of a list leads on with true", () => {
  const before = model(document(A, B));
  const { main } = before.graph;
  const after = run(document(A, B), commands.addNode(before, { lane: main, after: "a" }, offer("condition")));
  expect(edges(after)).toEqual(["a-success-check", "check-true-b"]);
  const start = run(document(A, B), commands.addNode(before, { lane: main, start: true }, offer("condition")));
  expect(edges(start)).toEqual(["check-true-a", "a-success-b"]);
});

test("an edge drawn from a condition is on its next outcome, or on the one that is chosen", () => {
  const loose = document(
    CHECK,
    "{id: a, needs: [], value: {type: identity}}",
    "{id: b, needs: [], value: {type: identity}}",
  );
  const one = run(loose, commands.connect(model(loose), "check", "a"));
  const two = run(one, commands.connect(model(one), "check", "b"));
  expect(edges(two)).toEqual(["check-true-a", "check-false-b"]);
  expect(edges(run(loose, commands.connect(model(loose), "check", "a", "false")))).toEqual(["check-false-a"]);
});

test("nodes pasted after a condition run on true", () => {
  const text = document(CHECK, B);
  const before = model(text);
  const nodes = [{ id: "x", value: { type: "identity" } }];
  expect(edges(run(text, commands.paste(before, { lane: before.graph.main, after: "check" }, nodes)))).toEqual([
    "check-true-x",
    "x-success-b",
  ]);
});

test("a node that follows a condition because the one between them is deleted runs on true", () => {
  const text = document(CHECK, "{id: a, needs: [{node: check, on: failure}], value: {type: identity}}", B);
  expect(edges(run(text, commands.deleteNodes(model(text), ["a"])))).toEqual(["check-failure-b"]);
  const first = document(A, CHECK, B);
  expect(edges(run(first, commands.deleteNodes(model(first), ["a"])))).toEqual(["check-success-b"]);
  const between = document(CHECK, A, B);
  expect(edges(run(between, commands.deleteNodes(model(between), ["a"])))).toEqual(["check-true-b"]);
});

test("success edges that a document already has stay as they are", () => {
  const text = document(CHECK, A, B);
  const before = model(text);
  const made = run(text, commands.addNode(before, { lane: before.graph.main, after: "b" }, offer("identity")));
  expect(edges(made)).toEqual(["check-success-a", "a-success-b", "b-success-pass"]);
});
