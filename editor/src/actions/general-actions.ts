import { redoIn, undoIn } from "../editor/store";
import { redoName, undoName } from "../workflow/history";
import { type Action, always, openDialog } from "./action";

function withName(word: string, name: string | null): string {
  return name ? `${word}: ${name}` : word;
}

/** What stands over everything: commands, keys, what was done. */
export const GENERAL_ACTIONS: readonly Action[] = [
  {
    name: "palette",
    icon: "search",
    label: "All commands",
    keys: ["Mod-k"],
    enabled: always,
    run: openDialog({ kind: "actions" }),
  },
  { name: "keys", icon: "keys", label: "Keys", keys: ["?"], enabled: always, run: openDialog({ kind: "keys" }) },
  {
    name: "undo",
    icon: "undo",
    label: (editor) => withName("Undo", undoName(editor.history)),
    keys: ["Mod-z"],
    enabled: (editor) => undoName(editor.history) !== null,
    run: undoIn,
  },
  {
    name: "redo",
    icon: "redo",
    label: (editor) => withName("Redo", redoName(editor.history)),
    keys: ["Mod-Shift-z", "Mod-y"],
    enabled: (editor) => redoName(editor.history) !== null,
    run: redoIn,
  },
];
