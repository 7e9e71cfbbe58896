import { isChanged } from "../editing/store";
import { type Action, ask } from "./action";

/** The draft and its versions. */
export const DEPLOYING: readonly Action[] = [
  {
    name: "deploy",
    icon: "deploy",
    label: "Deploy",
    keys: ["Mod-Shift-s"],
    enabled: (editor) => isChanged(editor) && !editor.pending,
    run: ask({ what: "deploy" }),
  },
];
