import { apply, type EditorStore, modelOf } from "../editing/store";
import { say } from "../ui/toasts";
import * as commands from "../workflow/commands";
import { block } from "../workflow/render";
import { read } from "../workflow/source";
import { isTree, type Tree } from "../workflow/types";
import { type Action, always, some } from "./action";
import { remove, spotAfter } from "./composing";

export const CLIPBOARD_EVENTS = ["copy", "cut", "paste"] as const;
const KEPT = "orvanta.clipboard";

/** What is selected, as the clipboard holds it. */
function taken(store: EditorStore): string {
  const editor = store.getState();
  const modules = commands.copied(modelOf(editor), editor.selection);
  say(modules.length === 1 ? "Copied the node." : `Copied ${modules.length} nodes.`);
  return block({ modules });
}

function put(store: EditorStore, text: string): void {
  apply(store, (model) => commands.paste(model, spotAfter(store.getState()), nodesIn(text)));
}

function nodesIn(text: string): Tree[] {
  const none = new commands.NotPossible("The clipboard holds no nodes.");
  let found: unknown;
  try {
    found = read(text);
  } catch {
    throw none;
  }
  const modules = isTree(found as never) ? (found as { modules?: unknown }).modules : undefined;
  if (!Array.isArray(modules) || !modules.some(isTree)) throw none;
  return modules.filter(isTree);
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
  const text = taken(store);
  event.clipboardData?.setData("text/plain", text);
  keep(text);
  if (event.type === "cut") remove(store, true);
}

/** The same from a menu: where the browser gives no clipboard to a page (http), this browser's tabs share one. */
async function copy(store: EditorStore): Promise<void> {
  const text = taken(store);
  keep(text);
  await navigator.clipboard?.writeText(text);
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
    run: (store) => {
      const spot = spotAfter(store.getState());
      const { selection } = store.getState();
      apply(store, (model) => commands.paste(model, spot, commands.copied(model, selection), "Duplicate"));
    },
  },
];
