import { useEffect } from "react";
import type { EditorStore } from "../editor/store";
import { isTextInput } from "../lib/text-input";
import { CLIPBOARD_EVENTS, takeClipboard } from "./clipboard";
import { handleKey } from "./keymap";
import { attempt } from "./registry";

/** Handle keys and clipboard events of a workflow's page. `graph`: the graph is displayed. */
export function useKeyboard(store: EditorStore, graph: boolean): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => handleKey(store, event, graph ? "graph" : "view");
    const clip = (event: ClipboardEvent) => {
      // The browser copies text that is selected on the page or in a field.
      if (!graph || event.defaultPrevented || isTextInput(event.target) || hasTextSelection()) return;
      if (event.type !== "copy" && store.getState().readOnly) return;
      attempt(() => takeClipboard(store, event));
    };
    window.addEventListener("keydown", listen);
    for (const name of CLIPBOARD_EVENTS) window.addEventListener(name, clip);
    return () => {
      window.removeEventListener("keydown", listen);
      for (const name of CLIPBOARD_EVENTS) window.removeEventListener(name, clip);
    };
  }, [store, graph]);
}

function hasTextSelection(): boolean {
  const found = document.getSelection();
  return found !== null && !found.isCollapsed && found.toString().trim() !== "";
}
