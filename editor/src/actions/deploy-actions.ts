import { saveDraftNow } from "../editor/autosave";
import { isChanged } from "../editor/store";
import { notify } from "../ui/toasts";
import { type Action, always, openDialog } from "./action";

/** The draft and its versions. */
export const DEPLOY_ACTIONS: readonly Action[] = [
  {
    name: "save",
    icon: "save",
    label: "Save the draft now",
    keys: ["Mod-s"],
    enabled: always,
    run: async (store) => {
      await saveDraftNow(store);
      const editor = store.getState();
      if (editor.draft.state === "saved") notify("The draft is saved.");
      if (!isChanged(editor)) notify("Nothing differs from what is deployed.");
    },
  },
  {
    name: "deploy",
    icon: "deploy",
    label: "Deploy",
    keys: ["Mod-Shift-s"],
    enabled: (editor) => isChanged(editor) && !editor.pending,
    run: openDialog({ kind: "deploy" }),
  },
];
