import { redoIn, undoIn } from "../editing/store";
import { redoName, undoName } from "../workflow/history";
import { type Action, always, ask } from "./action";

function join(word: string, name: string | null): string {
  return name ? `${word}: ${name}` : word;
}

/** What stands over everything: commands, keys, what was done. */
export const GENERAL: readonly Action[] = [
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
];
