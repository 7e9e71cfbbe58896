import type { Editor, EditorStore } from "../editor/store";

/** A command of the editor. Toolbar, menus, palette and keyboard are views of the actions. */
export interface Action {
  name: string;
  icon: string;
  /** Shown name; a function if it depends on the state of the editor. */
  label: string | ((editor: Editor) => string);
  keys: readonly string[];
  enabled: (editor: Editor) => boolean;
  /** Return why the action cannot be performed, undefined if it can: a disabled button and a notice show it. */
  refusal?: (editor: Editor) => string | undefined;
  run: (store: EditorStore) => void | Promise<void>;
}

export const always = () => true;
export const hasSingleNode = (editor: Editor) =>
  editor.selection.length === 1 && editor.graph.byId.has(editor.selection[0] ?? "");
export const hasSelection = (editor: Editor) => editor.selection.length > 0;
export const openDialog = (asking: Editor["dialog"]) => (store: EditorStore) => store.setState({ dialog: asking });
export const firstSelected = (store: EditorStore) => store.getState().selection[0] ?? "";

export function toggle(store: EditorStore, panel: Editor["panel"]): void {
  store.setState({ panel: store.getState().panel === panel ? null : panel });
}

export function focusSoon(name: string, frames = 60): void {
  requestAnimationFrame(() => {
    const field = document.querySelector<HTMLElement>(`[data-field="${name}"]`);
    if (field) field.focus();
    else if (frames > 0) focusSoon(name, frames - 1);
  });
}
