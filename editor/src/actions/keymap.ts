import type { EditorStore } from "../editor/store";
import { isTextInput } from "../lib/text-input";
import { textOfCode } from "../texts/t";
import { ACTIONS, type Action, isOffered, perform } from "./registry";

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** "Mod-Shift-z" for an event; Mod is Ctrl, on a Mac the command key. */
export function chord(event: KeyboardEvent): string {
  const mod = MAC ? event.metaKey : event.ctrlKey;
  // A character typed with Shift, such as ?, implies Shift.
  const letter = event.key.length === 1 && !mod && !event.altKey;
  const key = event.key.length === 1 ? (letter ? event.key : event.key.toLowerCase()) : event.key;
  const shift = event.shiftKey && !(letter && event.key.toLowerCase() === event.key.toUpperCase());
  const parts = [
    mod && "Mod",
    shift && "Shift",
    event.altKey && "Alt",
    // With Alt, some keyboards type other letters: use the code of the key.
    event.altKey && event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : key,
  ];
  return parts.filter(Boolean).join("-");
}

const BY_KEY = new Map(ACTIONS.flatMap((action) => action.keys.map((key): [string, Action] => [key, action])));
const GLOBAL_ACTIONS = new Set(["palette", "save", "deploy", "test", "find", "keys"]);
/** Handled by the browser, which sends clipboard events. */
const BROWSER_HANDLED = new Set(["copy", "cut", "paste"]);

const ACTIONS_OF_RUNS = new Set(["fit", "full-size", "zoom-in", "zoom-out", "overview", "select-none"]);

/** Part of a page that has keys: the graph of a workflow, its other views, or the graph of a run. */
export type KeyArea = "graph" | "view" | "run";

function hasKeys({ name }: Action, area: KeyArea): boolean {
  if (area === "run") return ACTIONS_OF_RUNS.has(name) || name.startsWith("go-");
  return area === "graph" || GLOBAL_ACTIONS.has(name);
}

/** Selector of the parts of a page that have a button to test the selected node. */
const NODE_TESTS = "[data-tests=node]";

/** Return the action of a key. In a part that tests a node, the key that tests the workflow tests the node. */
function actionOf(keys: string, target: Element | null): Action | undefined {
  const action = BY_KEY.get(keys);
  const isTest = action?.name === "test" && target?.closest(NODE_TESTS) != null;
  return isTest ? ACTIONS.find(({ name }) => name === "test-node") : action;
}

/** Return true in a text field beside a test. Dialogs use Enter for themselves. */
const hasTest = (target: Element | null) =>
  isTextInput(target) && (target?.closest(NODE_TESTS) != null || target?.closest("[role=dialog]") == null);

/** Perform the action of a key in a part of a page. */
export function handleKey(store: EditorStore, event: KeyboardEvent, area: KeyArea): void {
  const target = event.target instanceof Element ? event.target : null;
  const keys = chord(event);
  const action = actionOf(keys, target);
  if (!action || event.defaultPrevented || BROWSER_HANDLED.has(action.name)) return;
  if (!isOffered(action, store.getState()) || !hasKeys(action, area)) return;
  // An open dialog receives the keys, also while it is loading.
  const runsTest = keys === "Mod-Enter" && hasTest(target);
  const isTyping = isTextInput(event.target) || store.getState().dialog !== null;
  if (isTyping && !runsTest && !(GLOBAL_ACTIONS.has(action.name) && event.key !== "?")) return;
  const onCanvas = target === document.body || target?.closest("[data-canvas]") != null;
  if (["Enter", "Backspace", "Escape"].includes(event.key) || event.key.startsWith("Arrow")) {
    if (!onCanvas && !runsTest) return;
  }
  event.preventDefault();
  perform(store, action);
}

/** Return a chord as it is shown, with the names of keys in the language of the page: `Mod-Shift-z` is `Ctrl Shift Z`. */
export function formatChord(keys: string): string {
  if (keys === "-") return "–";
  return keys
    .replace("Mod", MAC ? "⌘" : "Ctrl")
    .replace("Arrow", "")
    .split("-")
    .map((part) => (part.length === 1 ? part.toUpperCase() : textOfCode(`codes.key_${part}`, part)))
    .join(" ");
}
