import { apply, type EditorStore, modelOf } from "../editor/store";
import { t } from "../texts/actions";
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

/** The selection as text for the clipboard, and the message shown once it is copied. Raises NotPossible without nodes or notes. */
function selectionAsText(store: EditorStore): { text: string; message: string } {
  const editor = store.getState();
  const modules = commands.copyNodes(modelOf(editor), editor.selection);
  const notes = copyNotes(editor.tree, new Set(editor.selection));
  const count = modules.length + notes.length;
  if (count === 0) throw new commands.NotPossible(t("actions.onlyGroups"));
  const message =
    notes.length === 0
      ? t("actions.copiedNodes", { count })
      : modules.length === 0
        ? t("actions.copiedNotes", { count })
        : t("actions.copiedItems", { count });
  return { text: toYaml(notes.length > 0 ? { modules, notes } : { modules }), message };
}

function pasteText(store: EditorStore, text: string, name = t("actions.paste")): void {
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

/** The note at an offset, so that a pasted note does not cover its original. */
function shifted(note: Tree): Tree {
  const { x, y } = (isTree(note.position ?? null) ? note.position : {}) as { x?: number; y?: number };
  return { ...note, position: { x: (x ?? 0) + OFFSET, y: (y ?? 0) + OFFSET } };
}

function parseClipboard(text: string): { modules: Tree[]; notes: Tree[] } {
  let found: Json = null;
  try {
    found = parseSource(text);
  } catch {
    // Text that is not YAML contains no nodes.
  }
  const list = (key: string) => {
    const items = isTree(found) ? found[key] : undefined;
    return Array.isArray(items) ? items.filter(isTree) : [];
  };
  const readClipboard = { modules: list("modules"), notes: list("notes") };
  if (readClipboard.modules.length + readClipboard.notes.length === 0)
    throw new commands.NotPossible(t("actions.clipboardEmpty"));
  return readClipboard;
}

/** Handle the browser's clipboard events, which require no permission and work without HTTPS. */
export function takeClipboard(store: EditorStore, event: ClipboardEvent): void {
  if (event.type === "paste") {
    event.preventDefault();
    pasteText(store, event.clipboardData?.getData("text/plain") ?? "");
    return;
  }
  if (!hasSelection(store.getState())) return;
  event.preventDefault();
  const { text, message } = selectionAsText(store);
  event.clipboardData?.setData("text/plain", text);
  storeShared(text);
  notify(message);
  if (event.type === "cut") remove(store, true);
}

/** Copy from a menu. Without access to the clipboard (HTTP), the tabs of this browser share a stored text. */
async function copy(store: EditorStore): Promise<void> {
  const { text, message } = selectionAsText(store);
  storeShared(text);
  await navigator.clipboard?.writeText(text);
  notify(message);
}

function storeShared(text: string): void {
  localStorage.setItem(STORAGE_KEY, text);
}

async function clipboardText(): Promise<string> {
  const shared = localStorage.getItem(STORAGE_KEY) ?? "";
  return navigator.clipboard ? navigator.clipboard.readText().catch(() => shared) : shared;
}

/** Actions of the clipboard, which contains nodes as YAML for other tabs and workflows. */
export const CLIPBOARD: readonly Action[] = [
  { name: "copy", icon: "copy", label: t("actions.copy"), keys: ["Mod-c"], enabled: hasSelection, run: copy },
  {
    name: "cut",
    icon: "copy",
    label: t("actions.cut"),
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
    label: t("actions.paste"),
    keys: ["Mod-v"],
    enabled: always,
    run: async (store) => pasteText(store, await clipboardText()),
  },
  {
    name: "duplicate",
    icon: "copy",
    label: t("actions.duplicate"),
    keys: ["Mod-d"],
    enabled: hasSelection,
    run: (store) => pasteText(store, selectionAsText(store).text, t("actions.duplicate")),
  },
];
