import { redoIn, undoIn } from "../editor/store";
import { t } from "../texts/actions";
import { redoName, undoName } from "../workflow/history";
import { type Action, always, openDialog } from "./action";

function undoLabel(name: string | null): string {
  return name ? t("actions.undoNamed", { name }) : t("actions.undo");
}

function redoLabel(name: string | null): string {
  return name ? t("actions.redoNamed", { name }) : t("actions.redo");
}

/** Actions of the whole page: command palette, keyboard shortcuts, undo and redo. */
export const GENERAL_ACTIONS: readonly Action[] = [
  {
    name: "palette",
    icon: "search",
    label: t("actions.allCommands"),
    keys: ["Mod-k"],
    enabled: always,
    run: openDialog({ kind: "actions" }),
  },
  {
    name: "keys",
    icon: "keys",
    label: t("actions.keys"),
    keys: ["?"],
    enabled: always,
    run: openDialog({ kind: "keys" }),
  },
  {
    name: "undo",
    icon: "undo",
    label: (editor) => undoLabel(undoName(editor.history)),
    keys: ["Mod-z"],
    enabled: (editor) => undoName(editor.history) !== null,
    run: undoIn,
  },
  {
    name: "redo",
    icon: "redo",
    label: (editor) => redoLabel(redoName(editor.history)),
    keys: ["Mod-Shift-z", "Mod-y"],
    enabled: (editor) => redoName(editor.history) !== null,
    run: redoIn,
  },
];
