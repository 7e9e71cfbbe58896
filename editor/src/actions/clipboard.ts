import { apply, type EditorStore, modelOf } from "../editor/store";
import { notify } from "../ui/toasts";
import * as commands from "../workflow/commands";
import { addNotes, copyNotes } from "../workflow/notes";
import { parseSource } from "../workflow/source";
import { isTree, type Json, type Tree } from "../workflow/types";
import { toYaml } from "../workflow/yaml";
import { type Action, always, hasSelection } from "./action";
import { remove, spotAfter } from "./node-actions";

export const CLIPBOARD_EVENTS = ["copy", "cut", "paste"] as const;
const STORAGE_KEY = "orvanta.clipboard";

/** What is selected, as the clipboard holds it, and what it is in words. */
function selectionAsText(store: EditorStore): { text: string; words: string } {
  const editor = store.getState();
  const modules = commands.copyNodes(modelOf(editor), editor.selection);
  const notes = copyNotes(editor.tree, new Set(editor.selection));
  const count = modules.length + notes.length;
  if (count === 0) throw new commands.NotPossible("A frame alone is not copied: select what it holds.");
  const what = notes.length === 0 ? "node" : modules.length === 0 ? "note" : "thing";
  const words = count === 1 ? `the ${what}` : `${count} ${what}s`;
  return { text: toYaml(notes.length > 0 ? { modules, notes } : { modules }), words };
}

function pasteText(store: EditorStore, text: string, name = "Paste"): void {
  const { modules, notes } = parseClipboard(text);
  const spot = spotAfter(store.getState());
  apply(store, (model) => {
    const nodes = modules.length > 0 ? commands.paste(model, spot, modules, name) : null;
    const beside = notes.length > 0 ? addNotes(model, notes.map(shifted), name) : null;
    const edits = [...(nodes?.edits ?? []), ...(beside?.edits ?? [])];
    return { name, edits, select: [...(nodes?.select ?? []), ...(beside?.select ?? [])] };
  });
}

const OFFSET = 40;

/** A pasted note does not lie over the one that it was copied from. */
function shifted(note: Tree): Tree {
  const { x, y } = (isTree(note.position ?? null) ? note.position : {}) as { x?: number; y?: number };
  return { ...note, position: { x: (x ?? 0) + OFFSET, y: (y ?? 0) + OFFSET } };
}

function parseClipboard(text: string): { modules: Tree[]; notes: Tree[] } {
  let found: Json = null;
  try {
    found = parseSource(text);
  } catch {
    // What is no YAML holds no nodes.
  }
  const list = (key: string) => {
    const items = isTree(found) ? found[key] : undefined;
    return Array.isArray(items) ? items.filter(isTree) : [];
  };
  const readClipboard = { modules: list("modules"), notes: list("notes") };
  if (readClipboard.modules.length + readClipboard.notes.length === 0)
    throw new commands.NotPossible("The clipboard holds no nodes.");
  return readClipboard;
}

/** Copies, cuts or pastes by what the browser hands over: it asks for no permission and works without https. */
export function takeClipboard(store: EditorStore, event: ClipboardEvent): void {
  if (event.type === "paste") {
    event.preventDefault();
    pasteText(store, event.clipboardData?.getData("text/plain") ?? "");
    return;
  }
  if (!hasSelection(store.getState())) return;
  event.preventDefault();
  const { text, words } = selectionAsText(store);
  event.clipboardData?.setData("text/plain", text);
  storeShared(text);
  notify(`Copied ${words}.`);
  if (event.type === "cut") remove(store, true);
}

/** The same from a menu: where the browser gives no clipboard to a page (http), this browser's tabs share one. */
async function copy(store: EditorStore): Promise<void> {
  const { text, words } = selectionAsText(store);
  storeShared(text);
  await navigator.clipboard?.writeText(text);
  notify(`Copied ${words}.`);
}

function storeShared(text: string): void {
  localStorage.setItem(STORAGE_KEY, text);
}

async function held(): Promise<string> {
  const shared = localStorage.getItem(STORAGE_KEY) ?? "";
  return navigator.clipboard ? navigator.clipboard.readText().catch(() => shared) : shared;
}

/** The clipboard holds nodes as YAML, over tabs and workflows. */
export const CLIPBOARD: readonly Action[] = [
  { name: "copy", icon: "copy", label: "Copy", keys: ["Mod-c"], enabled: hasSelection, run: copy },
  {
    name: "cut",
    icon: "copy",
    label: "Cut",
    keys: ["Mod-x"],
    enabled: hasSelection,
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
    run: async (store) => pasteText(store, await held()),
  },
  {
    name: "duplicate",
    icon: "copy",
    label: "Duplicate",
    keys: ["Mod-d"],
    enabled: hasSelection,
    run: (store) => pasteText(store, selectionAsText(store).text, "Duplicate"),
  },
];
