import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
vi.stubGlobal("navigator", { platform: "Linux" });
const { ACTIONS } = await import("../src/actions/registry");
const { chord, formatChord } = await import("../src/actions/keymap");

const GUIDE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "reference", "keys.md"), "utf-8");

/** The guide's table: what a person reads, in the form of the key map. */
function written(): [string, string][] {
  const table = GUIDE.match(/^\| `.*$/gm) ?? [];
  return table.flatMap((row): [string, string][] => {
    const [, keys = "", action = ""] = row.split("|").map((cell) => cell.trim());
    return [...keys.matchAll(/`([^`]+)`/g)].map(([, key = ""]) => [named(key), action.toLowerCase()]);
  });
}

function named(key: string): string {
  const parts = key === "-" ? ["-"] : key.split(" ");
  const arrows = ["Up", "Down", "Left", "Right"];
  return parts.map((part) => (part === "Ctrl" ? "Mod" : arrows.includes(part) ? `Arrow${part}` : part)).join("-");
}

test("keys are shown as on the keyboard", () => {
  expect(["Mod-Shift-z", "Shift-ArrowUp", "-", "F2"].map(formatChord)).toEqual(["Ctrl Shift Z", "Shift Up", "–", "F2"]);
});

const label = (action: (typeof ACTIONS)[number]) =>
  (typeof action.label === "string" ? action.label : action.name).toLowerCase();

test("the guide lists every key and what it does, and no other", () => {
  const bound = ACTIONS.flatMap((action) => action.keys.map((key): [string, string] => [key, label(action)]));
  expect(written().sort()).toEqual(bound.sort());
});

test("no key does two things, no action has another's name", () => {
  const keys = ACTIONS.flatMap((action) => action.keys);
  expect(new Set(keys).size).toBe(keys.length);
  expect(new Set(ACTIONS.map((action) => action.name)).size).toBe(ACTIONS.length);
});

test("the commands of the menu of a workflow that change the view have icons of their own", () => {
  const icons = ["tidy", "fit", "overview"].map((name) => ACTIONS.find((action) => action.name === name)?.icon);
  expect(new Set(icons).size).toBe(3);
});

// What people know from other editors, and must not move.
const AGREED: [string, string][] = [
  ["Mod-k", "palette"],
  ["Mod-s", "save"],
  ["Mod-Shift-s", "deploy"],
  ["Mod-Enter", "test"],
  ["Shift-Enter", "test-node"],
  ["n", "add"],
  ["c", "connect"],
  ["Enter", "open"],
  ["F2", "rename"],
  ["Shift-Alt-t", "tidy"],
  ["1", "fit"],
  ["0", "full-size"],
  ["+", "zoom-in"],
  ["-", "zoom-out"],
  ["Mod-f", "find"],
  ["Mod-z", "undo"],
  ["Mod-Shift-z", "redo"],
  ["Mod-y", "redo"],
  ["Mod-c", "copy"],
  ["Mod-x", "cut"],
  ["Mod-v", "paste"],
  ["Mod-d", "duplicate"],
  ["Delete", "delete"],
  ["Backspace", "delete"],
  ["Shift-Delete", "cut-out"],
  ["Mod-a", "select-all"],
  ["Escape", "select-none"],
  ["ArrowUp", "go-up"],
  ["Shift-ArrowDown", "extend-down"],
  ["d", "disable"],
  ["l", "logs"],
  ["i", "input"],
  ["o", "output"],
  ["?", "keys"],
];

test.each(AGREED)("%s is %s", (key, name) => {
  expect(ACTIONS.find((action) => action.keys.includes(key))?.name).toBe(name);
});

const pressed = (key: string, code: string, held: Partial<KeyboardEvent> = {}) =>
  chord({ key, code, ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...held } as KeyboardEvent);

test.each([
  ["s", "KeyS", { ctrlKey: true }, "Mod-s"],
  ["S", "KeyS", { ctrlKey: true, shiftKey: true }, "Mod-Shift-s"],
  ["S", "KeyS", { shiftKey: true }, "Shift-S"],
  ["ˇ", "KeyT", { altKey: true, shiftKey: true }, "Shift-Alt-t"],
  ["ArrowUp", "ArrowUp", { altKey: true, shiftKey: true }, "Shift-Alt-ArrowUp"],
  ["?", "Slash", { shiftKey: true }, "?"],
  ["+", "Equal", { shiftKey: true }, "+"],
  ["-", "Minus", {}, "-"],
  ["Delete", "Delete", { shiftKey: true }, "Shift-Delete"],
])("%s (%s) is read as a chord", (key, code, held, wanted) => {
  expect(pressed(key, code, held)).toBe(wanted);
});
