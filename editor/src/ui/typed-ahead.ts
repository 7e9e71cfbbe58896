import { useLayoutEffect } from "react";

let typed = "";

/** Return the characters that were typed while the dialog was loading, and forget them. */
export function takeTypedAhead(): string {
  const taken = typed;
  typed = "";
  return taken;
}

/** Placeholder of a dialog that is loading: it collects what is typed meanwhile for the search of the dialog. */
export function TypedAhead(): null {
  useLayoutEffect(() => {
    typed = "";
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.key === "Backspace") typed = typed.slice(0, -1);
      else if (event.key.length === 1) typed += event.key;
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", listen, true);
    return () => {
      window.removeEventListener("keydown", listen, true);
      // The dialog may be one without a search.
      window.setTimeout(takeTypedAhead);
    };
  }, []);
  return null;
}
