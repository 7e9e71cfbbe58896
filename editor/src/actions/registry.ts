import type { Editor, EditorStore } from "../editing/store";
import { complain } from "../ui/toasts";
import type { Action } from "./action";
import { ARRANGING } from "./arranging";
import { CLIPBOARD } from "./clipboard";
import { COMPOSING } from "./composing";
import { DEPLOYING } from "./deploying";
import { GENERAL } from "./general";
import { SELECTING } from "./selecting";
import { TESTING } from "./testing";
import { VIEW } from "./view";

export type { Action };

/** Everything that can be done on a workflow's page, one file per group. */
export const ACTIONS: readonly Action[] = [
  ...GENERAL,
  ...COMPOSING,
  ...CLIPBOARD,
  ...ARRANGING,
  ...SELECTING,
  ...VIEW,
  ...TESTING,
  ...DEPLOYING,
];

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
