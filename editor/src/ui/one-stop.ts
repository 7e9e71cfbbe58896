import { type FocusEvent, type KeyboardEvent, type RefObject, useEffect, useRef } from "react";

const CONTROLS = "a[href], button, select, input";
/** Controls in which the arrow keys have another function. */
const OWN_ARROWS = 'select, input:not([type="checkbox"])';

export interface OneStop<T extends HTMLElement> {
  ref: RefObject<T | null>;
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
  onFocus: (event: FocusEvent<HTMLElement>) => void;
}

/**
 * Return the properties of an element whose controls are one stop of the Tab key, as in the toolbar pattern of the ARIA
 * Authoring Practices. The arrow keys, Home and End move between them. The stop is the control that had the focus last,
 * at first the current page or the first control.
 */
export function useOneStop<T extends HTMLElement>(): OneStop<T> {
  const ref = useRef<T>(null);
  useEffect(() => {
    const group = ref.current;
    if (!group) return;
    setStop(group);
    // Controls are added, removed and disabled by components that render without the group.
    const observer = new MutationObserver(() => setStop(group));
    observer.observe(group, { subtree: true, childList: true, attributeFilter: ["disabled", "aria-current"] });
    return () => observer.disconnect();
  }, []);
  return { ref, onKeyDown: moveFocus, onFocus: ({ currentTarget, target }) => setStop(currentTarget, target) };
}

/** Return the controls that can have the focus, without those of an open box of commands. */
function controlsOf(group: Element): HTMLElement[] {
  return [...group.querySelectorAll<HTMLElement>(CONTROLS)].filter(
    (each) => !each.matches(":disabled") && !each.closest("[popover]"),
  );
}

/** Make one control the stop of its group: `focused`, otherwise the last stop while it exists. */
function setStop(group: Element, focused?: EventTarget): void {
  const controls = controlsOf(group);
  const wanted = [
    (each: HTMLElement) => each === (focused ?? document.activeElement),
    (each: HTMLElement) => each.dataset.stop !== undefined,
    (each: HTMLElement) => each.hasAttribute("aria-current"),
    () => true,
  ];
  let stop: HTMLElement | undefined;
  for (const is of wanted) stop ??= controls.find(is);
  for (const each of controls) {
    each.tabIndex = each === stop ? 0 : -1;
    if (each === stop && focused) each.dataset.stop = "";
    else if (each !== stop) delete each.dataset.stop;
  }
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const target = event.target as HTMLElement;
  const controls = controlsOf(event.currentTarget);
  const place = controls.indexOf(target);
  // Events of a dialog that a control opened reach the group as well.
  if (place < 0 || target.matches(OWN_ARROWS) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  const last = controls.length - 1;
  const before = place > 0 ? place - 1 : last;
  const after = place < last ? place + 1 : 0;
  const next = { ArrowUp: before, ArrowLeft: before, ArrowDown: after, ArrowRight: after, Home: 0, End: last }[
    event.key
  ];
  if (next === undefined) return;
  controls[next]?.focus();
  event.preventDefault();
  // The arrow keys of the graph select nodes.
  event.stopPropagation();
}
