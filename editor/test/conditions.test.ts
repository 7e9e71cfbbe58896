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

const ROUTES = document(
  A,
  "{id: check, needs: [a], value: {type: condition, expr: 'true'}}",
  "{id: yes, needs: [{node: check, on: 'true'}], value: {type: identity}}",
  "{id: no, needs: [{node: check, on: 'false'}], value: {type: identity}}",
  "{id: log, needs: [no], value: {type: identity}}",
  "{id: end, needs: [yes, log], join: settled, value: {type: identity}}",
);
const disabledIn = (text: string) => {
  const made = model(text);
  return [...made.graph.byId.keys()].filter((id) => commands.isDisabled(made, id));
};

test("a deleted condition leads on to the nodes on true; those that ran on false only are disabled", () => {
  const change = commands.deleteNodes(model(ROUTES), ["check"]);
  const made = run(ROUTES, change);
  expect(edges(made)).toEqual([
    "a-success-yes",
    "a-success-no",
    "no-success-log",
    "yes-success-end",
    "log-success-end",
  ]);
  expect(disabledIn(made)).toEqual(["no", "log"]);
  expect(change.notice).toContain("no, log");
  // The other branch was deleted with the condition, so that this one remains on purpose.
  const alone = commands.deleteNodes(model(ROUTES), ["check", "yes"]);
  expect(disabledIn(run(ROUTES, alone))).toEqual([]);
  expect(alone.notice).toBeUndefined();
});

test("a node that handled the failure of a deleted node is disabled", () => {
  const alert = "{id: alert, needs: [{node: b, on: failure}], value: {type: identity}}";
  const both = "{id: both, needs: [a, {node: b, on: failure}], value: {type: identity}}";
  const either = "{id: either, needs: [a, {node: b, on: failure}], join: any, value: {type: identity}}";
  const text = document(A, "{id: b, needs: [a], value: {type: identity}}", alert, both, either);
  expect(disabledIn(run(text, commands.deleteNodes(model(text), ["b"])))).toEqual(["alert", "both"]);
  expect(disabledIn(run(text, commands.deleteNodes(model(text), ["b"], false)))).toEqual([]);
});
