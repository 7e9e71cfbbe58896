import { expect, test } from "vitest";
import { addBranch, moveBranch, removeBranch } from "../src/workflow/branches";
import type { Change, Model } from "../src/workflow/commands";
import { type Node, outline } from "../src/workflow/outline";
import {
  addSchemaField,
  moveSchemaField,
  removeSchemaField,
  renameSchemaField,
  schemaFields,
  setSchemaField,
} from "../src/workflow/schema-fields";
import { editSource, parseSource } from "../src/workflow/source";
import { at } from "../src/workflow/types";

const TEXT = `# Kept.
value:
  modules:
    - id: choose
      value:
        type: branchone
        branches:
          # The big ones.
          - {expr: flow_input.n > 10, modules: [{id: big, value: {type: identity}}]}
          - {expr: flow_input.n > 5, modules: [{id: middle, value: {type: identity}}]}
        default: []
`;
const model = (text: string): Model => {
  const tree = parseSource(text);
  return { tree, graph: outline(tree) };
};
const step = (text: string, command: (model: Model, node: Node) => Change) => {
  const now = model(text);
  return command(now, now.graph.byId.get("choose") as Node).edits.reduce(editSource, text);
};
const titles = (text: string) =>
  model(text)
    .graph.byId.get("choose")
    ?.lanes.map((lane) => lane.title);

test("branches are added, moved and removed; comments of the others stay", () => {
  let text = step(TEXT, addBranch);
  expect(titles(text)).toEqual(["flow_input.n > 10", "flow_input.n > 5", "true", "Otherwise"]);
  expect(model(text).graph.byId.has("branch")).toBe(true);
  text = step(text, (now, node) => moveBranch(now, node, 2, -1));
  expect(titles(text)).toEqual(["flow_input.n > 10", "true", "flow_input.n > 5", "Otherwise"]);
  text = step(text, (now, node) => moveBranch(now, node, 0, -1));
  text = step(text, (now, node) => removeBranch(now, node, 1));
  expect(text).toBe(TEXT);
  text = step(text, (now, node) => removeBranch(now, node, 0));
  expect(() => step(text, (now, node) => removeBranch(now, node, 0))).toThrow("cannot remove the last branch");
});

test("the workflow's input is made field by field", () => {
  let text = TEXT;
  const change = (command: (now: Model) => Change) => {
    text = command(model(text)).edits.reduce(editSource, text);
  };
  change((now) => addSchemaField(now, ["schema"], "name"));
  change((now) => addSchemaField(now, ["schema"], "count"));
  change((now) => setSchemaField(now, ["schema"], "count", { kind: "integer" }));
  change((now) => setSchemaField(now, ["schema"], "count", { required: true }));
  change((now) => setSchemaField(now, ["schema"], "name", { description: "Who asks" }));
  expect(schemaFields(at(parseSource(text), ["schema"]))).toMatchObject([
    { name: "name", type: "string", items: "", description: "Who asks", required: false },
    { name: "count", type: "integer", items: "", description: "", required: true },
  ]);
  expect(() => addSchemaField(model(text), ["schema"], "count")).toThrow("already");
  expect(() => addSchemaField(model(text), ["schema"], "no name")).toThrow("letters");
  change((now) => removeSchemaField(now, ["schema"], "count"));
  change((now) => removeSchemaField(now, ["schema"], "name"));
  expect(at(parseSource(text), ["schema"])).toEqual({ type: "object", properties: {}, required: [] });
  expect(text.startsWith(TEXT)).toBe(true);
});

test("the order that a document gives its fields is kept", () => {
  const schema = { type: "object", properties: { a: {}, b: {} }, order: ["b", "a"], required: ["b"] };
  expect(schemaFields(schema).map((field) => field.name)).toEqual(["b", "a"]);
});

test("a field is moved up and down, and nothing else changes", () => {
  const source = INPUTS.replace("  order: [old, other]\n", "");
  const moved = (name: string, by: -1 | 1) => moveSchemaField(model(source), ["schema"], name, by);
  const text = moved("old", 1).edits.reduce(editSource, source);
  expect(schemaFields(at(parseSource(text), ["schema"])).map(({ name }) => name)).toEqual(["other", "old"]);
  expect(text.startsWith(source)).toBe(true);
  expect(moved("other", -1).edits).toEqual(moved("old", 1).edits);
  expect([moved("old", -1).edits, moved("other", 1).edits]).toEqual([[], []]);
});

const INPUTS = `value:
  modules:
    - id: a
      value: {type: identity}
      stop_after_if: {expr: 'flow_input.old > 1 && flow_input["old"] && flow_input.older'}
schema:
  type: object
  properties: {old: {type: array}, other: {type: string}}
  required: [old]
  order: [old, other]
`;

test("a renamed input keeps its place and its readers", () => {
  const text = renameSchemaField(model(INPUTS), ["schema"], "old", "fresh").edits.reduce(editSource, INPUTS);
  const tree = parseSource(text);
  expect(schemaFields(at(tree, ["schema"])).map(({ name, required }) => [name, required])).toEqual([
    ["fresh", true],
    ["other", false],
  ]);
  expect(at(tree, ["schema", "order"])).toEqual(["fresh", "other"]);
  expect(at(tree, ["value", "modules", 0, "stop_after_if", "expr"])).toBe(
    'flow_input.fresh > 1 && flow_input["fresh"] && flow_input.older',
  );
  expect(renameSchemaField(model(INPUTS), ["schema"], "old", "old").edits).toEqual([]);
  expect(() => renameSchemaField(model(INPUTS), ["schema"], "old", "other")).toThrow("already");
  expect(() => renameSchemaField(model(INPUTS), ["schema"], "old", "no name")).toThrow("letters");
});

test("items and a default are set and removed; another type removes them", () => {
  let text = INPUTS;
  const set = (change: Parameters<typeof setSchemaField>[3]) => {
    text = setSchemaField(model(text), ["schema"], "old", change).edits.reduce(editSource, text);
    return at(parseSource(text), ["schema", "properties", "old"]);
  };
  expect(set({ items: "number" })).toEqual({ type: "array", items: { type: "number" } });
  expect(set({ default: [1] })).toEqual({ type: "array", items: { type: "number" }, default: [1] });
  expect(schemaFields(at(parseSource(text), ["schema"]))[0]).toMatchObject({ items: "number", default: [1] });
  expect(set({ default: undefined })).toEqual({ type: "array", items: { type: "number" } });
  expect(set({ items: "" })).toEqual({ type: "array" });
  set({ items: "number" });
  set({ default: [1] });
  expect(set({ kind: "string" })).toEqual({ type: "string" });
});

test("a field of a form is a choice, a date or a long text with a label", () => {
  let text = "value: {modules: []}\nschema:\n  type: object\n  properties:\n    why: {type: string, default: x}\n";
  const set = (change: Parameters<typeof setSchemaField>[3]) => {
    text = setSchemaField(model(text), ["schema"], "why", change).edits.reduce(editSource, text);
    return at(parseSource(text), ["schema", "properties", "why"]);
  };
  const field = () => schemaFields(at(parseSource(text), ["schema"]))[0];
  expect(set({ kind: "choice" })).toEqual({ type: "string", enum: ["First choice"] });
  expect(set({ choices: ["rent", "food"] })).toEqual({ type: "string", enum: ["rent", "food"] });
  expect(set({ label: "Reason" })).toMatchObject({ title: "Reason" });
  expect(field()).toMatchObject({ kind: "choice", label: "Reason", choices: ["rent", "food"] });
  expect(set({ kind: "date" })).toEqual({ type: "string", format: "date", title: "Reason" });
  expect(set({ kind: "textarea" })).toEqual({ type: "string", format: "textarea", title: "Reason" });
  expect(set({ kind: "number" })).toEqual({ type: "number", title: "Reason" });
  expect(field()).toMatchObject({ kind: "number", choices: [] });
});
