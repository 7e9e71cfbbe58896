import { useEffect } from "react";
import { isTextInput } from "../lib/text-input";
import { useIsEditor } from "./use-collapsed";

/** Dialog that every page can open. */
export type PageDialog = "palette" | "shortcuts" | null;

/** Open the palette with Ctrl K and the list of shortcuts with ?. The editor of workflows has its own of both. */
export function useDialogKeys(open: (dialog: PageDialog) => void): void {
  const isEditor = useIsEditor();
  useEffect(() => {
    if (isEditor) return;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey) return;
      const mod = event.ctrlKey || event.metaKey;
      if (mod && event.key.toLowerCase() === "k" && !event.shiftKey) open("palette");
      else if (!mod && event.key === "?" && !isTextInput(event.target)) open("shortcuts");
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [isEditor, open]);
}
