import { saveDraftNow } from "../editing/saving";
import { isChanged } from "../editing/store";
import { say } from "../ui/toasts";
import { type Action, always, ask } from "./action";

/** The draft and its versions. */
export const DEPLOYING: readonly Action[] = [
  {
    name: "save",
    icon: "save",
    label: "Save the draft now",
    keys: ["Mod-s"],
    enabled: always,
    run: async (store) => {
      await saveDraftNow(store);
      const editor = store.getState();
      if (editor.draft.state === "saved") say("The draft is saved.");
      if (!isChanged(editor)) say("Nothing differs from what is deployed.");
    },
  },
  {
    name: "deploy",
    icon: "deploy",
    label: "Deploy",
    keys: ["Mod-Shift-s"],
    enabled: (editor) => isChanged(editor) && !editor.pending,
    run: ask({ what: "deploy" }),
  },
];
