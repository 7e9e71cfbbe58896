import { type KeyboardEvent, type MouseEvent, type ReactNode, type ToggleEvent, useId, useRef, useState } from "react";
import { Button } from "./controls";
import css from "./popover.module.css";

interface Props {
  /** Name of the button and of what it opens. */
  label: string;
  icon: string;
  /** Text of the button; without it, the button is its icon. */
  text?: string;
  children: ReactNode;
}

const ITEMS = "a, button, select";
const GAP = 4;

/** Button that opens a box of commands. Escape, a click elsewhere and a command close it; arrow keys move in it. */
export function Popover({ label, icon, text, children }: Props) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const toggle = (event: ToggleEvent) => {
    setOpen(event.newState === "open");
    if (event.newState === "open" && box.current && button.current) place(box.current, button.current);
  };
  const choose = (event: MouseEvent) => {
    if ((event.target as Element).closest("a, button")) box.current?.hidePopover();
  };
  return (
    <>
      <Button
        ref={button}
        look="quiet"
        icon={icon}
        className={text === undefined ? undefined : css.wide}
        aria-label={text === undefined ? label : `${label}: ${text}`}
        title={label}
        popoverTarget={id}
        data-square={text === undefined ? "" : undefined}
      >
        {text !== undefined && <span className={css.text}>{text}</span>}
      </Button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its items are the controls; keys move between them */}
      <div
        ref={box}
        id={id}
        popover="auto"
        className={css.box}
        onBeforeToggle={toggle}
        onToggle={(event) => event.newState === "open" && box.current?.querySelector<HTMLElement>(ITEMS)?.focus()}
        onClick={choose}
        onKeyDown={moveFocus}
      >
        {open && children}
      </div>
    </>
  );
}

/** Place a box beside its button, on the side of the window that has more room. */
function place(box: HTMLElement, button: HTMLElement): void {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const { innerWidth, innerHeight } = window;
  const inset = {
    top: top < innerHeight / 2 ? bottom + GAP : null,
    bottom: top < innerHeight / 2 ? null : innerHeight - top + GAP,
    left: left < innerWidth / 2 ? left : null,
    right: left < innerWidth / 2 ? null : innerWidth - right,
  };
  for (const [side, length] of Object.entries(inset))
    box.style.setProperty(side, length === null ? "auto" : `${length}px`);
}

function moveFocus(event: KeyboardEvent<HTMLDivElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target instanceof HTMLSelectElement) return;
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>(ITEMS)];
  const next = items.indexOf(event.target as HTMLElement) + step;
  items[(next + items.length) % items.length]?.focus();
  event.preventDefault();
  // The arrow keys of a list around the box would move the focus as well.
  event.stopPropagation();
}
