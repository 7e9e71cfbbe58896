import { createContext, useContext } from "react";
import { useStore } from "zustand";
import type { Editor, EditorStore } from "./store";

export const EditorContext = createContext<EditorStore | null>(null);

/** Return the store of the page. */
export function useEditorStore(): EditorStore {
  const store = useContext(EditorContext);
  if (!store) throw new TypeError("useEditor requires an EditorContext.");
  return store;
}

/** Return a part of the state of the page. */
export function useEditor<T>(selector: (editor: Editor) => T): T {
  return useStore(useEditorStore(), selector);
}
