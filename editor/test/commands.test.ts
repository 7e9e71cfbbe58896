import { expect, test } from "vitest";
import { CATALOG } from "../src/workflow/catalog";
import * as commands from "../src/workflow/commands";
import { addStep, EMPTY, redo, redoName, undo, undoName } from "../src/workflow/history";
import { outline } from "../src/workflow/outline";
import { editSource, parseSource } from "../src/workflow/source";
import { at, type Json } from "../src/workflow/types";
import { trees } from "./documents";

const GRAPH = `value:
  modules:
    - {id: a, value: {type: identity}}
    - {id: b, needs: [a], value: {type: condition, expr: results.a > 1}}
    - id: c
      needs: [{node: b, on: "true"}]
      value: {type: rawscript, language: bash, content: echo, input_transforms: {x: {type: javascript, expr: 'results.a + results["b"] + results.ab'}}}
    - {id: d, needs: [{node: b, on: "false"}], value: {type: identity}}
    - {id: e, needs: [c, d], join: settled, value: {type: identity}}
`;
const LIST = `value:
  modules:
    - {id: a, value: {type: identity}}
    - {id: b, value: {type: identity}}
    - {id: c, value: {type: identity}}
`;

const model = (text: string): commands.Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};
const run = (text: string, change: commands.Change) => change.edits.reduce(editSource, text);
const edges = (text: string) => model(text).graph.main.edges.map((edge) => `${edge.from}-${edge.on}-${edge.to}`);
const identity = CATALOG.find((offer) => offer.key === "identity") as (typeof CATALOG)[number];

test("a node on an edge of a list stands between the two", () => {
  const before = model(LIST);
  const edge = before.graph.main.edges[0];
  if (!edge) throw new Error("no edge");
  const made = run(LIST, commands.addNode(before, { lane: before.graph.main, edge }, identity));
  expect(edges(made)).toEqual(["a-success-pass", "pass-success-b", "b-success-c"]);
});

test("a node on an edge of a graph takes over its outcome", () => {
  const before = model(GRAPH);
  const edge = before.graph.main.edges.find((each) => each.to === "d");
  if (!edge) throw new Error("no edge");
  const made = run(GRAPH, commands.addNode(before, { lane: before.graph.main, edge }, identity));
  expect(edges(made)).toContain("b-false-pass");
  expect(edges(made)).toContain("pass-success-d");
  expect(edges(made)).not.toContain("b-false-d");
});

test("a node after a node of a graph leaves its other followers alone", () => {
  const before = model(GRAPH);
  const made = run(GRAPH, commands.addNode(before, { lane: before.graph.main, after: "a" }, identity));
  expect(edges(made)).toEqual([...edges(GRAPH), "a-success-pass"]);
});

test("deleting joins what came before with what came after", () => {
  expect(edges(run(LIST, commands.deleteNodes(model(LIST), ["b"])))).toEqual(["a-success-c"]);
  expect(edges(run(GRAPH, commands.deleteNodes(model(GRAPH), ["c", "d"])))).toEqual([
    "a-success-b",
    "b-true-e",
    "b-false-e",
  ]);
  expect(edges(run(LIST, commands.deleteNodes(model(LIST), ["b"], false)))).toEqual([]);
});

test("deleting a first node lets the next one start", () => {
  expect(edges(run(LIST, commands.deleteNodes(model(LIST), ["a"])))).toEqual(["b-success-c"]);
  expect(
    at(parseSource(run(GRAPH, commands.deleteNodes(model(GRAPH), ["a"]))), ["value", "modules", 0, "needs"]),
  ).toEqual([]);
});

test("renaming rewrites edges and expressions, and nothing that only looks alike", () => {
  const made = run(GRAPH, commands.rename(model(GRAPH), "a", "first"));
  expect(edges(made)[0]).toBe("first-success-b");
  expect(made).toContain("results.first > 1");
  expect(made).toContain('results.first + results["b"] + results.ab');
  const dashed = run(GRAPH, commands.rename(model(GRAPH), "b", "is-big"));
  expect(dashed).toContain('results["is-big"]');
  expect(edges(dashed)).toContain("is-big-true-c");
});

test("an id that is taken, reserved or none is refused", () => {
  for (const wanted of ["b", "failure", "1st", "a b", ""]) {
    expect(() => commands.rename(model(GRAPH), "a", wanted)).toThrow(commands.NotPossible);
  }
});

test("edges are added once, and never to a circle", () => {
  expect(edges(run(GRAPH, commands.connect(model(GRAPH), "a", "e", "failure")))).toContain("a-failure-e");
  expect(() => commands.connect(model(GRAPH), "e", "a")).toThrow("cycle");
  expect(() => commands.connect(model(GRAPH), "a", "b")).toThrow("already");
  expect(edges(run(LIST, commands.connect(model(LIST), "a", "c")))).toEqual([
    "a-success-b",
    "b-success-c",
    "a-success-c",
  ]);
});

test("an edge is taken away, or gets another outcome", () => {
  const [first] = model(LIST).graph.main.edges;
  if (!first) throw new Error("no edge");
  expect(edges(run(LIST, commands.disconnect(model(LIST), first)))).toEqual(["b-success-c"]);
  expect(edges(run(LIST, commands.setOutcome(model(LIST), first, "always")))[0]).toBe("a-always-b");
});

test("a copy has ids and references of its own", () => {
  const before = model(GRAPH);
  const modules = commands.copyNodes(before, ["b", "c"]);
  const made = run(GRAPH, commands.paste(before, { lane: before.graph.main, after: "e" }, modules));
  expect(edges(made)).toContain("e-success-b_2");
  expect(edges(made)).toContain("b_2-true-c_2");
  expect(made).toContain('results.a + results["b_2"]');
});

test("a disabled node is enabled again", () => {
  const off = run(LIST, commands.toggleDisabled(model(LIST), "b"));
  expect(commands.isDisabled(model(off), "b")).toBe(true);
  expect(parseSource(run(off, commands.toggleDisabled(model(off), "b")))).toEqual(parseSource(LIST));
});

test("every offer can be added to an empty workflow, twice", () => {
  let text = "value:\n  modules: []\n";
  for (const offer of [...CATALOG, ...CATALOG]) {
    const before = model(text);
    const last = before.graph.main.nodes.at(-1);
    const spot = last ? { lane: before.graph.main, after: last.id } : { lane: before.graph.main, start: true as const };
    text = run(text, commands.addNode(before, spot, offer));
  }
  const { main, byId } = model(text).graph;
  expect(main.nodes).toHaveLength(CATALOG.length * 2);
  expect(new Set(byId.keys()).size).toBe(byId.size);
});

test.each(trees)("deleting any one node of %s leaves every edge with both its ends", (_, tree: Json) => {
  const before = { tree, graph: outline(tree) };
  for (const id of before.graph.byId.keys()) {
    if (id === "failure" || id === "preprocessor") continue;
    let after: Json;
    try {
      after = commands.applyChange(tree, commands.deleteNodes(before, [id]));
    } catch (error) {
      if (error instanceof commands.NotPossible) continue;
      throw error;
    }
    const left = outline(after);
    expect(left.byId.has(id)).toBe(false);
    for (const lane of [left.main, ...[...left.byId.values()].flatMap((node) => node.lanes)]) {
      const ids = new Set(lane.nodes.map((node) => node.id));
      const broken = lane.edges.filter((edge) => edge.explicit && edge.from === id);
      expect(broken).toEqual([]);
      expect(ids.has(id)).toBe(false);
    }
  }
});

test("undo and redo give every text back, byte for byte", () => {
  const texts = ["a\nb\n", "a\nx\nb\n", "x\nb\n", "x\nbb\n"];
  let history = EMPTY;
  texts.slice(1).forEach((after, n) => {
    history = addStep(history, `Step ${n}`, texts[n] as string, after, null);
  });
  let text = texts[3] as string;
  for (const wanted of [2, 1, 0]) {
    expect(undoName(history)).toBe(`Step ${wanted}`);
    const back = undo(history, text);
    ({ text, history } = back as NonNullable<typeof back>);
    expect(text).toBe(texts[wanted]);
  }
  expect(undo(history, text)).toBeNull();
  for (const wanted of [1, 2, 3]) {
    const forth = redo(history, text);
    ({ text, history } = forth as NonNullable<typeof forth>);
    expect(text).toBe(texts[wanted]);
  }
  expect(redoName(history)).toBeNull();
});

test("what is typed into one field is one step", () => {
  let history = addStep(EMPTY, "Edit", "", "h", "field");
  history = addStep(history, "Edit", "h", "hi", "field");
  history = addStep(history, "Other", "hi", "hi!", "other");
  expect(history.steps.map((step) => step.name)).toEqual(["Edit", "Other"]);
  expect(undo(undo(history, "hi!")?.history ?? EMPTY, "hi")?.text).toBe("");
});
