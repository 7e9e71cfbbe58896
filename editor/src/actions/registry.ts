import { isOver, testNode } from "../editing/live";
import { apply, type Editor, type EditorStore, isChanged, modelOf, redoIn, select, undoIn } from "../editing/store";
import { complain, say } from "../ui/toasts";
import * as commands from "../workflow/commands";
import { redoName, undoName } from "../workflow/history";
import { block } from "../workflow/render";
import { read } from "../workflow/source";
import { isTree, type Tree } from "../workflow/types";
import { neighbour } from "./walk";

/** Something a person can do. Toolbar, menus, palette and keyboard are views of these. */
export interface Action {
  name: string;
  icon: string;
  /** What is shown; a function where it says what it is about. */
  label: string | ((editor: Editor) => string);
  keys: readonly string[];
  enabled: (editor: Editor) => boolean;
  run: (store: EditorStore) => void | Promise<void>;
}

const always = () => true;
const one = (editor: Editor) => editor.selection.length === 1;
const some = (editor: Editor) => editor.selection.length > 0;
const ask = (asking: Editor["asking"]) => (store: EditorStore) => store.setState({ asking });
const first = (store: EditorStore) => store.getState().selection[0] ?? "";

function spotAfter(editor: Editor): commands.Spot {
  const { graph, selection } = editor;
  const id = selection.at(-1);
  const node = id === undefined ? undefined : graph.byId.get(id);
  if (node && node.list.length > 1) return { lane: commands.laneOf(graph, node), after: node.id };
  const last = graph.main.nodes.at(-1);
  return last ? { lane: graph.main, after: last.id } : { lane: graph.main, start: true };
}

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

function remove(store: EditorStore, reconnect: boolean): void {
  const { selection, edge, tree } = store.getState();
  if (edge) {
    apply(store, (model) => commands.disconnect(model, edge));
    return;
  }
  const readers = selection.flatMap((id) => commands.references(tree, id));
  apply(store, (model) => commands.deleteNodes(model, selection, reconnect));
  if (readers.length > 0) say(`${readers.length} expressions read what was deleted: see the problems.`);
}

const go = (direction: "up" | "down" | "left" | "right", extend: boolean) => (store: EditorStore) => {
  const { graph, selection } = store.getState();
  const next = neighbour(graph, selection.at(-1), direction);
  if (next) select(store, extend ? [...selection.filter((id) => id !== next), next] : [next]);
};

const walking = (key: string, direction: "up" | "down" | "left" | "right"): Action[] => [
  {
    name: `go-${direction}`,
    icon: "down",
    label: `Go ${direction}`,
    keys: [`Arrow${key}`],
    enabled: always,
    run: go(direction, false),
  },
  {
    name: `extend-${direction}`,
    icon: "down",
    label: `Extend the selection ${direction}`,
    keys: [`Shift-Arrow${key}`],
    enabled: some,
    run: go(direction, true),
  },
];

export const ACTIONS: readonly Action[] = [
  {
    name: "palette",
    icon: "search",
    label: "All commands",
    keys: ["Mod-k"],
    enabled: always,
    run: ask({ what: "actions" }),
  },
  { name: "keys", icon: "keys", label: "Keys", keys: ["?"], enabled: always, run: ask({ what: "keys" }) },
  {
    name: "undo",
    icon: "undo",
    label: (editor) => join("Undo", undoName(editor.history)),
    keys: ["Mod-z"],
    enabled: (editor) => undoName(editor.history) !== null,
    run: undoIn,
  },
  {
    name: "redo",
    icon: "redo",
    label: (editor) => join("Redo", redoName(editor.history)),
    keys: ["Mod-Shift-z", "Mod-y"],
    enabled: (editor) => redoName(editor.history) !== null,
    run: redoIn,
  },
  {
    name: "add",
    icon: "plus",
    label: "Add a node",
    keys: ["n", "Tab"],
    enabled: always,
    run: (store) => store.setState({ asking: { what: "add", spot: spotAfter(store.getState()) } }),
  },
  {
    name: "connect",
    icon: "link",
    label: "Connect to …",
    keys: ["c"],
    enabled: one,
    run: (store) => store.setState({ asking: { what: "connect", from: first(store) } }),
  },
  {
    name: "open",
    icon: "list",
    label: "Open the node",
    keys: ["Enter"],
    enabled: one,
    run: (store) => store.setState({ panel: "node" }),
  },
  {
    name: "rename",
    icon: "code",
    label: "Rename",
    keys: ["F2"],
    enabled: one,
    run: (store) => {
      store.setState({ panel: "node" });
      focusSoon("id");
    },
  },
  {
    name: "delete",
    icon: "trash",
    label: "Delete and reconnect",
    keys: ["Delete", "Backspace"],
    enabled: (editor) => some(editor) || editor.edge !== null,
    run: (store) => remove(store, true),
  },
  {
    name: "cut-out",
    icon: "trash",
    label: "Delete without reconnecting",
    keys: ["Shift-Delete"],
    enabled: some,
    run: (store) => remove(store, false),
  },
  {
    name: "disable",
    icon: "skip",
    label: (editor) =>
      editor.selection[0] && commands.isDisabled(modelOf(editor), editor.selection[0]) ? "Enable" : "Disable",
    keys: ["d"],
    enabled: one,
    run: (store) => apply(store, (model) => commands.toggleDisabled(model, first(store))),
  },
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
  {
    name: "select-all",
    icon: "fit",
    label: "Select all",
    keys: ["Mod-a"],
    enabled: always,
    run: (store) =>
      select(
        store,
        store.getState().graph.main.nodes.map((node) => node.id),
      ),
  },
  {
    name: "select-none",
    icon: "cross",
    label: "Select nothing",
    keys: ["Escape"],
    enabled: always,
    run: (store) => {
      select(store, []);
      store.setState({ panel: null });
    },
  },
  {
    name: "tidy",
    icon: "tidy",
    label: "Tidy up",
    keys: ["Shift-Alt-t"],
    enabled: always,
    run: (store) => apply(store, commands.tidy),
  },
  {
    name: "test",
    icon: "play",
    label: "Test the workflow",
    keys: ["Mod-Enter"],
    enabled: (editor) => isOver(editor.live),
    run: (store) => store.setState({ panel: "test" }),
  },
  {
    name: "test-node",
    icon: "play",
    label: "Test this node",
    keys: ["Shift-Enter"],
    enabled: (editor) => one(editor) && isOver(editor.live),
    run: (store) => {
      store.setState({ panel: "test" });
      return testNode(store, first(store), {});
    },
  },
  { name: "yaml", icon: "yaml", label: "YAML", keys: ["y"], enabled: always, run: (store) => toggle(store, "yaml") },
  {
    name: "outline",
    icon: "list",
    label: "Outline",
    keys: ["t"],
    enabled: always,
    run: (store) => toggle(store, "outline"),
  },
  {
    name: "problems",
    icon: "warn",
    label: "Problems",
    keys: ["m"],
    enabled: always,
    run: (store) => toggle(store, "problems"),
  },
  {
    name: "deploy",
    icon: "deploy",
    label: "Deploy",
    keys: ["Mod-Shift-s"],
    enabled: (editor) => isChanged(editor) && !editor.pending,
    run: ask({ what: "deploy" }),
  },
  ...walking("Up", "up"),
  ...walking("Down", "down"),
  ...walking("Left", "left"),
  ...walking("Right", "right"),
];

function toggle(store: EditorStore, panel: Editor["panel"]): void {
  store.setState({ panel: store.getState().panel === panel ? null : panel });
}

function join(word: string, name: string | null): string {
  return name ? `${word}: ${name}` : word;
}

function focusSoon(name: string): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-field="${name}"]`)?.focus());
}

export function actionOf(name: string): Action {
  const found = ACTIONS.find((action) => action.name === name);
  if (!found) throw new Error(`There is no action ${name}.`);
  return found;
}

export function labelOf(action: Action, editor: Editor): string {
  return typeof action.label === "string" ? action.label : action.label(editor);
}

/** Runs an action where it is possible; what it refuses is said. */
export function perform(store: EditorStore, action: Action): void {
  if (!action.enabled(store.getState())) return;
  attempt(() => action.run(store));
}

/** Does something and says what went wrong with it. */
export function attempt(work: () => void | Promise<void>): void {
  try {
    Promise.resolve(work()).catch(complain);
  } catch (error) {
    complain(error);
  }
}
