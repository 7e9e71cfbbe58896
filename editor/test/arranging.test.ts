import type { EdgeProps } from "@xyflow/react";
import { describe, expect, test } from "vitest";
import { type DrawnEdge, draw } from "../src/canvas/draw";
import { stepPath } from "../src/canvas/edges/path";
import { align } from "../src/workflow/align";
import { applyChange, deleteNodes, type Model, rename } from "../src/workflow/commands";
import type { Edit } from "../src/workflow/edit";
import { foldGroups } from "../src/workflow/fold";
import { foldGroup, groupNodes, groupsOf } from "../src/workflow/groups";
import { layout, NODE, originOf } from "../src/workflow/layout";
import { addNotes, newNote, notesOf, setNote } from "../src/workflow/notes";
import { outline } from "../src/workflow/outline";
import { move, remove } from "../src/workflow/selection";
import { editSource, parseSource } from "../src/workflow/source";

const TEXT = `# Kept.
value:
  modules:
    - {id: a, value: {type: identity}} # said
    - {id: b, value: {type: identity}}
    - {id: c, value: {type: identity}}
    - id: each
      value:
        type: forloopflow
        iterator: {type: static, value: [1]}
        modules:
          - {id: inner, value: {type: identity}}
          - {id: last, value: {type: identity}}
`;
const model = (text: string): Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};
const made = (text: string, change: { edits: Edit[] }) => change.edits.reduce(editSource, text);

describe("notes", () => {
  test("are added, written, moved and taken away again, and no other byte changes", () => {
    let text = made(TEXT, addNotes(model(TEXT), [newNote({ x: 10.4, y: -3 })]));
    text = made(text, addNotes(model(text), [newNote({ x: 0, y: 0 })]));
    const [first, second] = notesOf(parseSource(text));
    expect(first).toMatchObject({ key: "note:note", x: 10, y: -3, color: "yellow", text: "" });
    expect(second?.key).toBe("note:note_2");
    text = made(text, setNote(first as never, "text", "Ask: before\nyou change #this"));
    text = made(text, move(model(text), { "note:note_2": { x: 7, y: 8 }, a: { x: 1, y: 2 } }));
    expect(notesOf(parseSource(text))).toMatchObject([{ text: "Ask: before\nyou change #this" }, { x: 7, y: 8 }]);
    expect(layout(outline(parseSource(text)), parseSource(text)).nodes.get("a")).toMatchObject({ x: 1, y: 2 });
    text = made(text, remove(model(text), ["note:note", "note:note_2"], true));
    expect(text).toBe(`${TEXT}  ui:\n    nodes:\n      a:\n        x: 1\n        "y": 2\n`);
  });

  test("of another program are shown with what they lack", () => {
    const tree = parseSource(`${TEXT}  notes:\n    - {text: Only text}\n    - 7\n`);
    expect(notesOf(tree)).toMatchObject([{ key: "note:0", width: 220, height: 120 }]);
  });
});

describe("groups", () => {
  test("are folded to one node, in a loop too, until a node of theirs is looked at", () => {
    const seen = (text: string, open: string[] = []) => {
      const { tree, graph } = model(text);
      const { nodes, edges } = foldGroups(graph, groupsOf(tree, graph), open).main;
      const inside = nodes.at(-1)?.lanes[0]?.nodes.map((node) => node.id);
      return [nodes.map((node) => node.id), edges.map((edge) => `${edge.from} ${edge.to}`), inside];
    };
    const fold = (text: string, ids: string[]) => {
      const grouped = made(text, groupNodes(model(text), ids));
      const group = groupsOf(model(grouped).tree, model(grouped).graph).at(-1);
      return group ? made(grouped, foldGroup(group, true)) : grouped;
    };
    const text = fold(TEXT, ["b", "c"]);
    const whole = [
      ["a", "b", "c", "each"],
      ["a b", "b c", "c each"],
      ["inner", "last"],
    ];
    expect(seen(text)).toEqual([
      ["a", "group:0", "each"],
      ["a group:0", "group:0 each"],
      ["inner", "last"],
    ]);
    expect(seen(text, ["c"])).toEqual(whole);
    expect(seen(fold(TEXT, ["inner", "last"]))).toEqual([whole[0], whole[1], ["group:0"]]);
    const [group] = groupsOf(model(text).tree, model(text).graph);
    expect(group && seen(made(text, foldGroup(group, false)))).toEqual(whole);
  });

  test("name the first and the last where that says the same set, else each", () => {
    const chain = applyChange(parseSource(TEXT), groupNodes(model(TEXT), ["b", "a"]));
    expect((chain as never as { value: { groups: unknown[] } }).value.groups).toEqual([
      { summary: "Group", color: "blue", start_id: "a", end_id: "b" },
    ]);
    const apart = applyChange(parseSource(TEXT), groupNodes(model(TEXT), ["a", "c"]));
    expect(groupsOf(apart, outline(apart))).toMatchObject([{ key: "group:0", ids: ["a", "c"] }]);
  });

  test("hold nodes of one list only", () => {
    expect(() => groupNodes(model(TEXT), ["a", "inner"])).toThrow("same loop body");
    expect(() => groupNodes(model(TEXT), [])).toThrow("Select the nodes");
    const inner = applyChange(parseSource(TEXT), groupNodes(model(TEXT), ["inner", "last"]));
    expect(groupsOf(inner, outline(inner))[0]?.ids).toEqual(["inner", "last"]);
  });

  test("follow their nodes when these are renamed or go", () => {
    let text = made(TEXT, groupNodes(model(TEXT), ["a", "b", "c"]));
    text = made(text, rename(model(text), "a", "first"));
    const ids = () => groupsOf(parseSource(text), outline(parseSource(text)))[0]?.ids;
    expect(ids()).toEqual(["first", "b", "c"]);
    text = made(text, deleteNodes(model(text), ["first"]));
    expect(ids()).toEqual(["b", "c"]);
    text = made(text, deleteNodes(model(text), ["b", "c"]));
    expect(parseSource(text)).not.toHaveProperty("value.groups");
  });

  test("go alone: what they hold stays", () => {
    const text = made(TEXT, groupNodes(model(TEXT), ["a", "b"]));
    expect(made(text, remove(model(text), ["group:0"], true))).toBe(TEXT);
  });
});

describe("aligned", () => {
  const boxes = new Map([
    ["a", { x: 0, y: 10, width: 100, height: 40 }],
    ["b", { x: 50, y: 100, width: 60, height: 60 }],
    ["c", { x: 300, y: 500, width: 100, height: 40 }],
  ]);
  test.each([
    ["left", { a: [0, 10], b: [0, 100], c: [0, 500] }],
    ["centre", { a: [150, 10], b: [170, 100], c: [150, 500] }],
    ["right", { a: [300, 10], b: [340, 100], c: [300, 500] }],
    ["top", { a: [0, 10], b: [50, 10], c: [300, 10] }],
    ["middle", { a: [0, 255], b: [50, 245], c: [300, 255] }],
    ["bottom", { a: [0, 500], b: [50, 480], c: [300, 500] }],
    ["across", { a: [0, 10], b: [170, 100], c: [300, 500] }],
    ["down", { a: [0, 10], b: [50, 245], c: [300, 500] }],
  ] as const)("%s", (how, wanted) => {
    const places = Object.entries(align(boxes, how)).map(([id, { x, y }]) => [id, [x, y]]);
    expect(Object.fromEntries(places)).toEqual(wanted);
  });
});

test("a node in a box keeps its place, and the box grows with it", () => {
  const before = layout(model(TEXT).graph, model(TEXT).tree);
  const text = made(TEXT, move(model(TEXT), { last: { x: 400, y: -50 } }));
  const { tree, graph } = model(text);
  const boxes = layout(graph, tree);
  const lane = graph.byId.get("each")?.lanes[0];
  const from = lane ? originOf(lane, boxes) : { x: 0, y: 0 };
  expect(boxes.nodes.get("last")).toMatchObject({ x: from.x + 400, y: from.y });
  expect(boxes.nodes.get("each")?.width).toBeGreaterThanOrEqual(from.x + 400 + NODE.width);
  expect(before.nodes.get("each")?.width).toBeLessThan(400);
});

describe("parallel nodes", () => {
  const parallel = model(`value:
  modules:
    - {id: first, value: {type: identity}}
    - {id: a, needs: [first], value: {type: identity}}
    - {id: b, needs: [first], value: {type: identity}}
    - {id: c, needs: [first], value: {type: identity}}
    - {id: last, needs: [a, b, c], value: {type: identity}}
`);
  const made = layout(parallel.graph, parallel.tree);

  test("are from left to right in the order of the document", () => {
    const [a, b, c] = ["a", "b", "c"].map((id) => made.nodes.get(id)?.x ?? 0) as [number, number, number];
    expect(a).toBeLessThan(b);
    expect(b).toBeLessThan(c);
  });

  test("have the labels of their edges above and below them", () => {
    const middle = (id: string) => (made.nodes.get(id)?.x ?? 0) + NODE.width / 2;
    for (const { source, target, data } of draw(parallel.graph, made).edges) {
      const [from, to] = [made.nodes.get(source), made.nodes.get(target)];
      const ends = { sourceX: middle(source), targetX: middle(target), sourceY: (from?.y ?? 0) + NODE.height };
      const { x, y } = stepPath({ ...ends, targetY: to?.y ?? 0, data } as EdgeProps<DrawnEdge>);
      expect(x).toBe(middle(source === "first" ? target : source));
      expect(y).toBeGreaterThan(ends.sourceY);
      expect(y).toBeLessThan(to?.y ?? 0);
    }
  });
});

test("the labels of several outcomes between two nodes are beside each other", () => {
  const { graph, tree } = model(`value:
  modules:
    - {id: ask, value: {type: approval, message: Send?}}
    - {id: paid, needs: [{node: ask, on: approved}], value: {type: identity}}
    - id: refused
      needs: [{node: ask, on: rejected}, {node: ask, on: timeout}]
      value: {type: identity}
`);
  const { edges } = draw(graph, layout(graph, tree));
  const place = (outcome: string) => {
    const data = edges.find((edge) => edge.data?.edge.on === outcome)?.data;
    return stepPath({ sourceX: 0, targetX: 200, sourceY: 0, targetY: 56, data } as EdgeProps<DrawnEdge>);
  };
  const [rejected, timeout] = [place("rejected"), place("timeout")];
  expect(place("approved").x).toBe(200);
  expect((rejected.x + timeout.x) / 2).toBe(200);
  expect(timeout.x - rejected.x).toBe(100);
  expect(rejected.y).toBe(timeout.y);
  expect(rejected.path).toBe(timeout.path);
});

test("the targets of a condition are below its handles: true at the left, false at the right", () => {
  for (const [left, right] of [
    ["true", "false"],
    ["false", "true"],
  ]) {
    const on = (outcome = "") => `[{node: check, on: '${outcome}'}]`;
    const tree = parseSource(`value:
  modules:
    - {id: check, value: {type: condition, expr: 'true'}}
    - {id: a, needs: ${on(left)}, value: {type: identity}}
    - {id: b, needs: ${on(right)}, value: {type: identity}}
`);
    const { nodes } = layout(outline(tree), tree);
    expect((nodes.get("a")?.x ?? 0) < (nodes.get("b")?.x ?? 0)).toBe(left === "true");
  }
});
