import { saveDraftNow } from "../editor/autosave";
import { endStepIn, isChanged } from "../editor/store";
import { t } from "../texts/actions";
import { notify } from "../ui/toasts";
import { type Action, always, openDialog } from "./action";

/** Actions of the draft and its versions. */
export const DEPLOY_ACTIONS: readonly Action[] = [
  {
    name: "save",
    icon: "save",
    label: t("actions.save"),
    keys: ["Mod-s"],
    enabled: always,
    run: async (store) => {
      endStepIn(store);
      await saveDraftNow(store);
      const editor = store.getState();
      if (editor.draft.state === "saved") notify(t("actions.saved"));
      if (!isChanged(editor)) notify(t("actions.unchanged"));
    },
  },
  {
    name: "deploy",
    icon: "deploy",
    label: t("actions.deploy"),
    keys: ["Mod-Shift-s"],
    enabled: (editor) => isChanged(editor) && !editor.pending,
    refusal: (editor) => editor.deployRefusal,
    run: openDialog({ kind: "deploy" }),
  },
];
