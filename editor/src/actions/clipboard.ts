import { apply, type EditorStore, modelOf } from "../editing/store";
import { say } from "../ui/toasts";
import * as commands from "../workflow/commands";
import { block } from "../workflow/render";
import { read } from "../workflow/source";
import { isTree, type Tree } from "../workflow/types";
import { type Action, always, some } from "./action";
import { remove, spotAfter } from "./composing";

async function copy(store: EditorStore): Promise<void> {
  const editor = store.getState();
  const modules = commands.copied(modelOf(editor), editor.selection);
  await navigator.clipboard.writeText(block({ modules }));
  say(modules.length === 1 ? "Copied the node." : `Copied ${modules.length} nodes.`);
}

async function pasted(): Promise<Tree[]> {
  const found = read(await navigator.clipboard.readText());
  const modules = isTree(found) && Array.isArray(found.modules) ? found.modules.filter(isTree) : [];
  if (modules.length === 0) throw new commands.NotPossible("The clipboard holds no nodes.");
  return modules;
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
    run: async (store) => {
      const modules = await pasted();
      apply(store, (model) => commands.paste(model, spotAfter(store.getState()), modules));
    },
  },
  {
    name: "duplicate",
    icon: "copy",
    label: "Duplicate",
    keys: ["Mod-d"],
    enabled: some,
    run: (store) =>
      apply(store, (model) =>
        commands.paste(
          model,
          spotAfter(store.getState()),
          commands.copied(model, store.getState().selection),
          "Duplicate",
        ),
      ),
  },
];
