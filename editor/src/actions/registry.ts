import type { Editor, EditorStore } from "../editor/store";
import { notify, notifyError, notifyWarning } from "../ui/toasts";
import type { Action } from "./action";
import { CLIPBOARD } from "./clipboard";
import { DEPLOY_ACTIONS } from "./deploy-actions";
import { GENERAL_ACTIONS } from "./general-actions";
import { LAYOUT_ACTIONS } from "./layout-actions";
import { NODE_ACTIONS } from "./node-actions";
import { SELECTION_ACTIONS } from "./selection-actions";
import { TEST_ACTIONS } from "./test-actions";
import { VIEW_ACTIONS } from "./view-actions";

export type { Action };

/** All actions of a workflow's page, one file per group. */
export const ACTIONS: readonly Action[] = [
  ...GENERAL_ACTIONS,
  ...NODE_ACTIONS,
  ...CLIPBOARD,
  ...LAYOUT_ACTIONS,
  ...SELECTION_ACTIONS,
  ...VIEW_ACTIONS,
  ...TEST_ACTIONS,
  ...DEPLOY_ACTIONS,
];

export function actionOf(name: string): Action {
  const found = ACTIONS.find((action) => action.name === name);
  if (!found) throw new RangeError(`no action ${name}`);
  return found;
}

export function labelOf(action: Action, editor: Editor): string {
  return typeof action.label === "string" ? action.label : action.label(editor);
}

/** Actions that change neither a workflow nor its draft. */
const READING_ACTIONS = new Set([
  ...["palette", "keys", "find", "open", "copy", "logs", "input", "output"],
  ...["select-all", "select-none", "select-upstream", "select-downstream"],
  ...["fit", "full-size", "zoom-in", "zoom-out", "overview", "yaml", "workflow", "outline", "problems"],
]);

/** Return true if an action exists on the page: where a workflow is read only, those that change nothing. */
export const isOffered = ({ name }: Action, { readOnly }: Pick<Editor, "readOnly">): boolean =>
  !readOnly || READING_ACTIONS.has(name) || /^(go|extend)-/.test(name);

export const isEnabled = (action: Action, editor: Editor): boolean =>
  isOffered(action, editor) && action.enabled(editor);

/** Run an action if it is enabled, and show its error, or the reason for which it cannot be performed. */
export function perform(store: EditorStore, action: Action): void {
  if (!isEnabled(action, store.getState())) return;
  const refusal = action.refusal?.(store.getState());
  if (refusal === undefined) attempt(() => action.run(store));
  else notifyWarning(refusal);
}

/** Call a function and show its error, or else the notice that it returns. */
export function attempt(work: () => string | undefined | void | Promise<void>): void {
  try {
    const result = work();
    if (typeof result === "string") notify(result);
    else Promise.resolve(result).catch(notifyError);
  } catch (error) {
    notifyError(error);
  }
}
