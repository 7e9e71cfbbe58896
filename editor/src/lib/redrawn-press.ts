import { useEffect } from "react";

const CONTROLS = "button, a[href], input, select, textarea";

/**
 * Click controls that are drawn again between a press and its release, for which browsers send no click. Leaving a field by
 * the press can change the page: the nodes and edges of a graph, for example, are drawn again after a rename.
 */
export function useRedrawnPress(): void {
  useEffect(() => {
    let pressed: Element | null = null;
    const press = ({ target }: PointerEvent) => {
      pressed = target instanceof Element ? target.closest(CONTROLS) : null;
    };
    const release = ({ clientX, clientY }: PointerEvent) => {
      const lost = pressed;
      pressed = null;
      if (!lost || lost.isConnected) return;
      const drawn = document.elementFromPoint(clientX, clientY)?.closest<HTMLElement>(CONTROLS);
      if (drawn?.tagName !== lost.tagName || drawn.className !== lost.className) return;
      drawn.focus();
      drawn.click();
    };
    window.addEventListener("pointerdown", press, true);
    window.addEventListener("pointerup", release, true);
    return () => {
      window.removeEventListener("pointerdown", press, true);
      window.removeEventListener("pointerup", release, true);
    };
  }, []);
}
