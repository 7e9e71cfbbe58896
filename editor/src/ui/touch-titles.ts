import css from "./touch-titles.module.css";

/** Time of a press after which it shows the title of a control instead of clicking it. */
const PRESS_MS = 500;
/** Distance in pixels from which a press scrolls or drags. */
const MOVED_PX = 10;
const GAP_PX = 8;
const CONTROLS = "button, a[href], input, select, textarea, summary, label, [role=button]";

interface Press {
  element: HTMLElement;
  x: number;
  y: number;
  timer: number;
}

/**
 * Show `title` attributes where there is no pointer that can hover: of texts at a tap, of controls while they are pressed. The
 * next touch hides them.
 */
function showTitlesOnTouch(): void {
  let press: Press | null = null;
  let shown: HTMLElement | null = null;
  let isClickLost = false;

  const hide = () => {
    shown?.remove();
    shown = null;
  };
  const end = () => {
    if (press) window.clearTimeout(press.timer);
    press = null;
  };
  const show = (element: HTMLElement) => {
    hide();
    shown = drawTitle(element);
  };

  const start = (event: PointerEvent) => {
    end();
    hide();
    isClickLost = false;
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    const element = titledAt(event.clientX, event.clientY);
    if (!element) return;
    const timer = window.setTimeout(() => {
      if (!press) return;
      isClickLost = true;
      show(element);
    }, PRESS_MS);
    press = { element, x: event.clientX, y: event.clientY, timer };
  };
  const move = ({ clientX, clientY }: PointerEvent) => {
    if (press && Math.hypot(clientX - press.x, clientY - press.y) > MOVED_PX) end();
  };
  const release = () => {
    const element = press?.element;
    end();
    if (element && !shown && !element.closest(CONTROLS)) show(element);
  };
  const click = (event: MouseEvent) => {
    if (!isClickLost) return;
    isClickLost = false;
    event.preventDefault();
    event.stopPropagation();
  };

  window.addEventListener("pointerdown", start, true);
  window.addEventListener("pointermove", move, true);
  window.addEventListener("pointerup", release, true);
  window.addEventListener("pointercancel", end, true);
  window.addEventListener("click", click, true);
  window.addEventListener("scroll", hide, true);
  window.addEventListener("keydown", hide, true);
}

/** Return the element with a title at a point; disabled controls are no targets of events. */
function titledAt(x: number, y: number): HTMLElement | null {
  const element = document.elementFromPoint(x, y)?.closest<HTMLElement>("[title]");
  return element?.title ? element : null;
}

/** Draw the title of an element above it, or below it if there is no room. */
function drawTitle(element: HTMLElement): HTMLElement {
  const box = document.createElement("div");
  box.className = css.title ?? "";
  box.role = "tooltip";
  box.popover = "manual";
  box.textContent = element.title;
  document.body.append(box);
  box.showPopover();
  const around = element.getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  const x = Math.min(around.left + around.width / 2 - width / 2, window.innerWidth - width - GAP_PX);
  const above = around.top - height - GAP_PX;
  box.style.left = `${Math.max(x, GAP_PX)}px`;
  box.style.top = `${above >= GAP_PX ? above : Math.min(around.bottom + GAP_PX, window.innerHeight - height - GAP_PX)}px`;
  return box;
}

showTitlesOnTouch();
