import { type FocusEvent, type KeyboardEvent, type RefObject, useEffect, useRef } from "react";

/** Links and buttons that can have the focus, without those of an open box of commands. */
const CONTROLS = ":is(a[href], button:enabled):not([popover] *)";
const STEPS: Record<string, number> = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
const ENDS: Record<string, number> = { Home: 0, End: -1 };

export interface OneStop<T extends HTMLElement> {
  ref: RefObject<T | null>;
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
  onFocus: (event: FocusEvent<HTMLElement>) => void;
}

/**
 * Return the properties of an element whose links and buttons are one stop of the Tab key, as in the toolbar pattern of the
 * ARIA Authoring Practices. The arrow keys, Home and End move between them. The stop is the one that had the focus last, at
 * first that of the current page or the first one.
 */
export function useOneStop<T extends HTMLElement>(): OneStop<T> {
  const ref = useRef<T>(null);
  useEffect(() => {
    const group = ref.current;
    if (!group) return;
    setStop(group);
    // Controls are added, removed and disabled by components that render without the group.
    const observer = new MutationObserver(() => setStop(group));
    observer.observe(group, { subtree: true, childList: true, attributeFilter: ["disabled"] });
    return () => observer.disconnect();
  }, []);
  return { ref, onKeyDown: moveFocus, onFocus: ({ currentTarget }) => setStop(currentTarget) };
}

const controlsOf = (group: Element) => [...group.querySelectorAll<HTMLElement>(CONTROLS)];

/** Make one control the stop of its group: the focused one, otherwise the last stop while it can have the focus. */
function setStop(group: Element): void {
  const controls = controlsOf(group);
  const stop =
    controls.find((each) => each === document.activeElement) ??
    controls.find((each) => each.getAttribute("tabindex") === "0") ??
    controls.find((each) => each.ariaCurrent) ??
    controls[0];
  for (const each of controls) each.tabIndex = each === stop ? 0 : -1;
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const controls = controlsOf(event.currentTarget);
  const place = controls.indexOf(event.target as HTMLElement);
  const step = STEPS[event.key];
  const next = step ? (place + step) % controls.length : ENDS[event.key];
  // Events of a dialog that a control opened reach the group as well.
  if (place < 0 || next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  controls.at(next)?.focus();
  event.preventDefault();
  // The arrow keys of the graph select nodes.
  event.stopPropagation();
}
