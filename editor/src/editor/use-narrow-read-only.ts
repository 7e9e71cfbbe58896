import { useEffect } from "react";
import type { EditorStore } from "./store";

const NARROW = "(max-width: 900px)";

/** Make the page read-only in narrow windows. */
export function useNarrowReadOnly(store: EditorStore): void {
  useEffect(() => {
    const narrow = window.matchMedia(NARROW);
    const follow = () => store.setState({ readOnly: narrow.matches });
    follow();
    narrow.addEventListener("change", follow);
    return () => narrow.removeEventListener("change", follow);
  }, [store]);
}
