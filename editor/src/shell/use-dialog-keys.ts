import { useEffect } from "react";
import { useMatch } from "react-router";
import { isTextInput } from "../lib/text-input";

/** Dialog that every page can open. */
export type PageDialog = "palette" | "shortcuts" | null;

/** Open the palette with Ctrl K and the list of shortcuts with ?. The editor of workflows has its own of both. */
export function useDialogKeys(open: (dialog: PageDialog) => void): void {
  const workflow = useMatch("/w/:workspace/workflows/*")?.params["*"];
  const isEditor = workflow !== undefined && workflow !== "";
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
