import { useEffect } from "react";

const CONTROLS = "button, a[href], input, select, textarea";
/** Distance in pixels between a press and its release from which it is no click: the pointer was moved to another control. */
const MOVED_PX = 5;

/**
 * Click controls that are drawn again between a press and its release, for which browsers send no click. Leaving a field by
 * the press can change the page: the nodes and edges of a graph, for example, are drawn again after a rename.
 */
export function useRedrawnPress(): void {
  useEffect(() => {
    let pressed: { control: Element; x: number; y: number } | null = null;
    const press = ({ target, isPrimary, button, clientX: x, clientY: y }: PointerEvent) => {
      const control = target instanceof Element && isPrimary && button === 0 ? target.closest(CONTROLS) : null;
      pressed = control && { control, x, y };
    };
    const release = ({ clientX, clientY }: PointerEvent) => {
      if (!pressed) return;
      const { control: lost, x, y } = pressed;
      pressed = null;
      if (lost.isConnected || Math.hypot(clientX - x, clientY - y) >= MOVED_PX) return;
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
