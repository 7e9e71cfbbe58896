import { createContext, useContext } from "react";
import { useStore } from "zustand";
import type { Editor, EditorStore } from "./store";

export const EditorContext = createContext<EditorStore | null>(null);

/** The store of the page. */
export function useEditorStore(): EditorStore {
  const store = useContext(EditorContext);
  if (!store) throw new Error("This stands on a workflow's page only.");
  return store;
}

/** A part of its state. */
export function useEditor<T>(selector: (editor: Editor) => T): T {
  return useStore(useEditorStore(), selector);
}
