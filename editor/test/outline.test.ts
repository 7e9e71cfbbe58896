import { expect, test } from "vitest";
import { parse } from "yaml";
import { type Box, edgeId, layout } from "../src/workflow/layout";
import { type Lane, outline } from "../src/workflow/outline";
import { resultNodes } from "../src/workflow/result-nodes";
import { parseSource } from "../src/workflow/source";
import { at, isTree, type Json } from "../src/workflow/types";
import { trees } from "./documents";

function ids(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(ids);
  if (!isTree(value)) return [];
  const own = typeof value.id === "string" && isTree(value.value) && "type" in value.value ? [value.id] : [];
  return [...own, ...Object.values(value).flatMap(ids)];
}

test.each(trees)("every node of %s is in the outline, where it stands", (_, tree) => {
  const read = outline(tree);
  const inAgents = new Set([...read.byId.values()].filter((node) => node.kind === "aiagent").map((node) => node.id));
  if (inAgents.size === 0) expect([...read.byId.keys()].sort()).toEqual(ids(tree).sort());
  for (const node of read.byId.values()) expect(at(tree, [...node.path, "id"])).toBe(node.id);
});

test.each(trees)("no two nodes of a list of %s lie over each other", (_, tree) => {
  const read = outline(tree);
  const made = layout(read, tree);
  const apart = (a: Box, b: Box) =>
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
  const look = (lane: Lane) => {
    const boxes = lane.nodes.map((node) => made.nodes.get(node.id) as Box);
    boxes.forEach((box, n) => {
      expect(boxes.slice(n + 1).every((other) => apart(box, other))).toBe(true);
    });
    for (const node of lane.nodes) for (const inner of node.lanes) look(inner);
  };
  look(read.main);
});

test("edges follow the order of the list unless a node says what it needs", () => {
  const read = outline(
    parse(`
value:
  modules:
    - {id: a, value: {type: identity}}
    - {id: b, value: {type: condition, expr: "true"}}
    - {id: c, needs: [{node: b, on: "false"}, a], value: {type: identity}}
    - {id: d, needs: [], value: {type: identity}}
`),
  );
  expect(read.main.edges).toEqual([
    { from: "a", to: "b", on: "success", explicit: false },
    { from: "b", to: "c", on: "false", explicit: true },
    { from: "a", to: "c", on: "success", explicit: true },
  ]);
});

test.each(trees)("no edge of %s crosses a node", (_, tree) => {
  const read = outline(tree);
  const made = layout(read, null);
  const look = (lane: Lane) => {
    for (const edge of lane.edges) {
      const [from, to] = [made.nodes.get(edge.from), made.nodes.get(edge.to)];
      const way = made.routes.get(edgeId(edge));
      if (!from || !to || !way) continue;
      const [x, y] = [from.x + from.width / 2, from.y + from.height];
      const points = way.map((point) => ({ x: x + point.x, y: y + point.y }));
      const xs = [x, ...points.filter((_, n) => n % 2 === 1).map((point) => point.x), to.x + to.width / 2];
      const ys = [y, ...points.filter((_, n) => n % 2 === 0).map((point) => point.y), to.y];
      const others = lane.nodes.filter(({ id }) => id !== edge.from && id !== edge.to);
      for (const box of others.map(({ id }) => made.nodes.get(id) as Box)) {
        const high = (a: number, b: number) => box.y < Math.max(a, b) && Math.min(a, b) < box.y + box.height;
        const wide = (a: number, b: number) => box.x < Math.max(a, b) && Math.min(a, b) < box.x + box.width;
        xs.forEach((at, n) => {
          const [above = 0, below = 0] = [ys[n], ys[n + 1]];
          expect(box.x < at && at < box.x + box.width && high(above, below)).toBe(false);
          if (n > 0) expect(box.y < above && above < box.y + box.height && wide(xs[n - 1] ?? 0, at)).toBe(false);
        });
      }
    }
    for (const node of lane.nodes) for (const inner of node.lanes) look(inner);
  };
  look(read.main);
});

test("a node keeps the place that the document gives it", () => {
  const tree = parse("value: {modules: [{id: a, value: {type: identity}}], ui: {nodes: {a: {x: 700, y: -40}}}}");
  expect(layout(outline(tree), tree).nodes.get("a")).toMatchObject({ x: 700, y: -40 });
});

test("branches stand beside each other in their node", () => {
  const tree = parse(`
value:
  modules:
    - id: choose
      value:
        type: branchone
        branches: [{expr: flow_input.a > 1, modules: [{id: big, value: {type: identity}}]}]
        default: [{id: small, value: {type: identity}}]
`);
  const read = outline(tree);
  expect(read.byId.get("choose")?.lanes.map((lane) => lane.title)).toEqual(["flow_input.a > 1", "Otherwise"]);
  expect(read.byId.get("small")?.inside).toBe("choose");
  const made = layout(read, tree);
  expect(made.nodes.get("small")?.x).toBeGreaterThan(made.nodes.get("big")?.x ?? 0);
});

test("the result of a list is its last node, that of a graph its main sinks", () => {
  const results = (modules: string) => resultNodes(outline(parseSource(`value:\n  modules: ${modules}\n`)).main);
  const node = (id: string, needs = "") => `{id: ${id}, value: {type: identity}${needs}}`;
  expect(results("[]")).toEqual([]);
  expect(results(`[${node("a")}, ${node("b")}]`)).toEqual(["b"]);
  const graph = [node("a"), node("b", ", needs: [a]"), node("c", ", needs: [a]")];
  expect(results(`[${graph.join(", ")}]`)).toEqual(["b", "c"]);
  const handled = [node("a"), node("b", ", needs: [a]"), node("alert", ", needs: [{node: b, on: failure}]")];
  expect(results(`[${handled.join(", ")}]`)).toEqual(["b"]);
});
