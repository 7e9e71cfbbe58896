import { expect, test } from "vitest";
import * as commands from "../src/workflow/commands";
import { fixesOf } from "../src/workflow/fixes";
import { impossibleJoins } from "../src/workflow/joins";
import { outline } from "../src/workflow/outline";
import { editSource, parseSource } from "../src/workflow/source";
import { at } from "../src/workflow/types";

const model = (text: string): commands.Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};
const run = (text: string, change: commands.Change) => change.edits.reduce(editSource, text);
const joinOf = (text: string, id: string) => {
  const { tree, graph } = model(text);
  return at(tree, [...(graph.byId.get(id)?.path ?? []), "join"]);
};
const impossible = (text: string) => {
  const { tree, graph } = model(text);
  return impossibleJoins(tree, graph).map((node) => node.id);
};

const document = (...modules: string[]) =>
  `value:\n  modules:\n${modules.map((module) => `    - {${module}}\n`).join("")}`;
const CHECK = "id: check, value: {type: condition, expr: flow_input.x}";
const ASK = "id: ask, value: {type: approval}";
const YES = "id: yes, needs: [{node: check, on: 'true'}], value: {type: identity}";
const NO = "id: no, needs: [{node: check, on: 'false'}], value: {type: identity}";
const node = (id: string, needs: string, more = "") => `id: ${id}, needs: [${needs}]${more}, value: {type: identity}`;

test("a node connected with two branches of which one runs starts after either", () => {
  const text = document(CHECK, YES, NO, node("end", "yes"));
  const change = commands.connect(model(text), "no", "end");
  expect(joinOf(run(text, change), "end")).toBe("settled");
  expect(change.notice).toContain("end");
  const approval = document(ASK, node("end", "{node: ask, on: approved}"));
  expect(joinOf(run(approval, commands.connect(model(approval), "ask", "end", "rejected")), "end")).toBe("settled");
});

test("an edge that makes a later node impossible changes that node", () => {
  const text = document(CHECK, YES, node("no", ""), node("end", "yes, no"));
  expect(joinOf(run(text, commands.connect(model(text), "check", "no", "false")), "end")).toBe("settled");
  const both = document(CHECK, YES, YES.replace("id: yes", "id: no"), node("end", "yes, no"));
  const edge = model(both).graph.main.edges[1];
  if (!edge) throw new Error("no edge");
  expect(joinOf(run(both, commands.setOutcome(model(both), edge, "false")), "end")).toBe("settled");
});

test("joins that can run, and those that the document states, are kept", () => {
  const parallel = document("id: a, value: {type: identity}", node("b", "a"), node("c", "a"), node("end", "b"));
  const change = commands.connect(model(parallel), "c", "end");
  expect(joinOf(run(parallel, change), "end")).toBeUndefined();
  expect(change.notice).toBeUndefined();
  const stated = document(CHECK, YES, NO, node("end", "yes", ", join: all"));
  expect(joinOf(run(stated, commands.connect(model(stated), "no", "end")), "end")).toBe("all");
});

test("impossible joins are found where the branches first meet", () => {
  expect(impossible(document(CHECK, YES, NO, node("end", "yes, no"), node("after", "end")))).toEqual(["end"]);
  expect(impossible(document(CHECK, YES, NO, node("end", "yes, no", ", join: any")))).toEqual([]);
  const failed = "{node: a, on: failure}";
  const a = (more: string) => document(`id: a, ${more}value: {type: identity}`, node("end", `a, ${failed}`));
  expect(impossible(a(""))).toEqual(["end"]);
  expect(impossible(document(ASK, node("end", "{node: ask, on: approved}, ask")))).toEqual([]);
});

test("problems are solved by their fixes", () => {
  const solved = (text: string, code: string, node: string | null, path: string, number = 0) => {
    const fix = fixesOf(model(text), { code, node, path })[number];
    if (!fix) throw new Error("no fix");
    return run(text, fix.change(model(text)));
  };
  const never = document(CHECK, YES, NO, node("end", "yes, no", ", join: all"));
  expect(impossible(solved(never, "join_never", "end", "/value/modules/3"))).toEqual([]);
  for (const text of [document(CHECK, node("both", "check")), document(CHECK, "id: both, value: {type: identity}")]) {
    const path = text.includes("needs") ? "/value/modules/1/needs/0" : "/value/modules/1";
    const edges = model(solved(text, "condition_success_edge", "both", path, 1)).graph.main.edges;
    expect(edges.map(({ from, on }) => [from, on])).toEqual([["check", "false"]]);
  }
  const calm = document("id: a, continue_on_error: true, value: {type: identity}", node("b", "{node: a, on: failure}"));
  expect(solved(calm, "failure_edge_never", "b", "/value/modules/1/needs/0")).not.toContain("continue_on_error");
  const retried = document("id: a, retry: {constant: {attempts: 1}}, value: {type: identity}");
  expect(solved(retried, "retry_no_effect", "a", "/value/modules/0/retry")).not.toContain("retry");
  expect(fixesOf(model(never), { code: "missing_input", node: "end", path: "" })).toEqual([]);
});
