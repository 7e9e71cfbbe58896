import { apply, type EditorStore, modelOf } from "../editing/store";
import { say } from "../ui/toasts";
import * as commands from "../workflow/commands";
import { addNotes, copiedNotes } from "../workflow/notes";
import { block } from "../workflow/render";
import { read } from "../workflow/source";
import { isTree, type Json, type Tree } from "../workflow/types";
import { type Action, always, some } from "./action";
import { remove, spotAfter } from "./composing";

export const CLIPBOARD_EVENTS = ["copy", "cut", "paste"] as const;
const KEPT = "orvanta.clipboard";

/** What is selected, as the clipboard holds it, and what it is in words. */
function taken(store: EditorStore): { text: string; words: string } {
  const editor = store.getState();
  const modules = commands.copied(modelOf(editor), editor.selection);
  const notes = copiedNotes(editor.tree, new Set(editor.selection));
  const count = modules.length + notes.length;
  if (count === 0) throw new commands.NotPossible("A frame alone is not copied: select what it holds.");
  const what = notes.length === 0 ? "node" : modules.length === 0 ? "note" : "thing";
  const words = count === 1 ? `the ${what}` : `${count} ${what}s`;
  return { text: block(notes.length > 0 ? { modules, notes } : { modules }), words };
}

function put(store: EditorStore, text: string, name = "Paste"): void {
  const { modules, notes } = heldIn(text);
  const spot = spotAfter(store.getState());
  apply(store, (model) => {
    const nodes = modules.length > 0 ? commands.paste(model, spot, modules, name) : null;
    const beside = notes.length > 0 ? addNotes(model, notes.map(aside), name) : null;
    const edits = [...(nodes?.edits ?? []), ...(beside?.edits ?? [])];
    return { name, edits, select: [...(nodes?.select ?? []), ...(beside?.select ?? [])] };
  });
}

const ASIDE = 40;

/** A pasted note does not lie over the one that it was copied from. */
function aside(note: Tree): Tree {
  const { x, y } = (isTree(note.position ?? null) ? note.position : {}) as { x?: number; y?: number };
  return { ...note, position: { x: (x ?? 0) + ASIDE, y: (y ?? 0) + ASIDE } };
}

function heldIn(text: string): { modules: Tree[]; notes: Tree[] } {
  let found: Json = null;
  try {
    found = read(text);
  } catch {
    // What is no YAML holds no nodes.
  }
  const list = (key: string) => {
    const items = isTree(found) ? found[key] : undefined;
    return Array.isArray(items) ? items.filter(isTree) : [];
  };
  const held = { modules: list("modules"), notes: list("notes") };
  if (held.modules.length + held.notes.length === 0) throw new commands.NotPossible("The clipboard holds no nodes.");
  return held;
}

/** Copies, cuts or pastes by what the browser hands over: it asks for no permission and works without https. */
export function takeClipboard(store: EditorStore, event: ClipboardEvent): void {
  if (event.type === "paste") {
    event.preventDefault();
    put(store, event.clipboardData?.getData("text/plain") ?? "");
    return;
  }
  if (!some(store.getState())) return;
  event.preventDefault();
  const { text, words } = taken(store);
  event.clipboardData?.setData("text/plain", text);
  keep(text);
  say(`Copied ${words}.`);
  if (event.type === "cut") remove(store, true);
}

/** The same from a menu: where the browser gives no clipboard to a page (http), this browser's tabs share one. */
async function copy(store: EditorStore): Promise<void> {
  const { text, words } = taken(store);
  keep(text);
  await navigator.clipboard?.writeText(text);
  say(`Copied ${words}.`);
}

function keep(text: string): void {
  localStorage.setItem(KEPT, text);
}

async function held(): Promise<string> {
  const shared = localStorage.getItem(KEPT) ?? "";
  return navigator.clipboard ? navigator.clipboard.readText().catch(() => shared) : shared;
}

/** The clipboard holds nodes as YAML, over tabs and workflows. */
export const CLIPBOARD: readonly Action[] = [
  { name: "copy", icon: "copy", label: "Copy", keys: ["Mod-c"], enabled: some, run: copy },
  {
    name: "cut",
    icon: "copy",
    label: "Cut",
    keys: ["Mod-x"],
    enabled: some,
    run: async (store) => {
      await copy(store);
      remove(store, true);
    },
  },
  {
    name: "paste",
    icon: "copy",
    label: "Paste",
    keys: ["Mod-v"],
    enabled: always,
    run: async (store) => put(store, await held()),
  },
  {
    name: "duplicate",
    icon: "copy",
    label: "Duplicate",
    keys: ["Mod-d"],
    enabled: some,
    run: (store) => put(store, taken(store).text, "Duplicate"),
  },
];
