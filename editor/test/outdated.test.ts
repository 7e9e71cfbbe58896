import { expect, test, vi } from "vitest";
import type { Editor } from "../src/editor/store";
import { outline } from "../src/workflow/outline";
import type { Json } from "../src/workflow/types";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { shownStatusOf } = await import("../src/editor/outdated");

const script = (id: string, content: string, more: Record<string, Json> = {}): Json => ({
  id,
  value: { type: "rawscript", language: "bash", content },
  ...more,
});
const tree = (...modules: Json[]): Json => ({ value: { modules } });
const loop = (...modules: Json[]): Json => ({ id: "each", value: { type: "forloopflow", modules } });

const BEFORE = tree(script("one", "echo 1"), loop(script("inner", "echo 2")));

function status(id: string, now: Json, state = "succeeded", more: Partial<Editor> = {}): string | undefined {
  const nodes = Object.fromEntries(["one", "each", "inner"].map((each) => [each, { status: state }]));
  const editor = { live: { tree: BEFORE, nodes }, tree: now, graph: outline(now), shownIterations: {}, ...more };
  return shownStatusOf(editor as unknown as Editor, id);
}

test("the status of a node is outdated once what it does was changed", () => {
  const now = tree(script("one", "echo 3"), loop(script("inner", "echo 2")));
  expect(status("one", now)).toBe("outdated");
  expect(status("one", now, "failed")).toBe("outdated");
  expect(status("each", now)).toBe("succeeded");
  const inside = tree(script("one", "echo 1"), loop(script("inner", "echo 4")));
  expect(["one", "each", "inner"].map((id) => status(id, inside))).toEqual(["succeeded", "outdated", "outdated"]);
});

test("a moved, renamed or pinned node, an undone change and a node that runs are not outdated", () => {
  const moved = tree(script("zero", ""), script("one", "echo 1", { summary: "First", mock: { enabled: true } }));
  expect(status("one", moved)).toBe("succeeded");
  expect(status("one", structuredClone(BEFORE) as Json)).toBe("succeeded");
  expect(status("one", tree(script("one", "echo 3")), "running")).toBe("running");
  expect(status("zero", moved)).toBeUndefined();
});

test("nothing is outdated on the page of a run", () => {
  expect(status("one", tree(script("one", "echo 3")), "succeeded", { readOnly: true })).toBe("succeeded");
});
