import { useEffect } from "react";
import type { EditorStore } from "./store";

const NARROW = "(max-width: 900px)";

/** Where there is no room to edit, a workflow's page is for watching and deciding. */
export function useNarrowReadOnly(store: EditorStore): void {
  useEffect(() => {
    const narrow = window.matchMedia(NARROW);
    const follow = () => store.setState({ readOnly: narrow.matches });
    follow();
    narrow.addEventListener("change", follow);
    return () => narrow.removeEventListener("change", follow);
  }, [store]);
}
