import { type KeyboardEvent, useEffect, useLayoutEffect, useRef } from "react";
import { createPortal } from "react-dom";
import { Icon } from "./icon";
import css from "./menu.module.css";

interface Labelled {
  label: string;
  icon: string;
}

interface Command extends Labelled {
  /** The key of the command, as it is shown. */
  keys?: string | undefined;
  disabled?: boolean;
  /** Tooltip, such as the reason why the command is disabled. */
  title?: string | undefined;
  run: () => void;
}

interface Download extends Labelled {
  /** Address of the downloaded file. */
  download: string;
}

/** A command, or a link that downloads a file. */
export type MenuItem = Command | Download;

interface Props {
  label: string;
  /** Position of a corner in the window, in pixels. */
  at: { x: number; y: number };
  /** Items in groups, which are separated by a line. */
  groups: readonly (readonly MenuItem[])[];
  close: () => void;
}

const MARGIN = 8;

/** A menu of commands. It stays inside the window, and returns the focus when it closes. */
export function Menu({ label, at, groups, close }: Props) {
  const menu = useRef<HTMLDivElement>(null);
  const closing = useRef(close);
  closing.current = close;
  useLayoutEffect(() => {
    const box = menu.current;
    if (!box) return;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(MARGIN, Math.min(at.x, window.innerWidth - width - MARGIN))}px`;
    box.style.top = `${Math.max(MARGIN, Math.min(at.y, window.innerHeight - height - MARGIN))}px`;
  }, [at]);
  useEffect(() => {
    const before = document.activeElement;
    const box = menu.current;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !box?.contains(event.target)) closing.current();
    };
    enabledItems(box)[0]?.focus();
    // In the capture phase, as the canvas handles presses of the pointer itself.
    window.addEventListener("pointerdown", outside, true);
    window.addEventListener("wheel", outside, true);
    return () => {
      window.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("wheel", outside, true);
      // A command may have moved the focus.
      const isLost = document.activeElement === document.body || box?.contains(document.activeElement);
      if (isLost && before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  const press = (event: KeyboardEvent) => {
    // The keys of the page do not apply while the menu is open.
    event.stopPropagation();
    const items = enabledItems(menu.current);
    const now = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (next !== undefined) items.at(next % items.length)?.focus();
    else return;
    event.preventDefault();
  };
  return createPortal(
    <div ref={menu} className={css.menu} role="menu" tabIndex={-1} aria-label={label} onKeyDown={press}>
      {groups
        .filter((group) => group.length > 0)
        .map((group) => (
          <div key={group[0]?.label} className={css.group} role="none">
            {group.map((item) => (
              <Item key={item.label} item={item} close={close} />
            ))}
          </div>
        ))}
    </div>,
    document.body,
  );
}

function Item({ item, close }: { item: MenuItem; close: () => void }) {
  const shared = { role: "menuitem", tabIndex: -1, className: css.item };
  const text = (
    <>
      <Icon name={item.icon} />
      <span>{item.label}</span>
    </>
  );
  if ("download" in item) {
    return (
      <a {...shared} href={item.download} download onClick={close}>
        {text}
      </a>
    );
  }
  return (
    <button
      {...shared}
      type="button"
      disabled={item.disabled}
      title={item.title}
      onClick={(event) => {
        event.stopPropagation();
        close();
        item.run();
      }}
    >
      {text}
      {item.keys && <kbd>{item.keys}</kbd>}
    </button>
  );
}

const enabledItems = (menu: HTMLElement | null): HTMLElement[] => [
  ...(menu?.querySelectorAll<HTMLElement>("[role=menuitem]:not(:disabled)") ?? []),
];
