import { kindName } from "../kinds/kind-name";
import css from "./settings.module.css";

interface Props<T> {
  label: string;
  items: readonly T[];
  /** Text after the path. */
  note?: (item: T) => string;
}

/** List of items by kind and path in a dialog. A long list is scrolled by keyboard, too. */
export function ScrolledItems<T extends { kind: string; path: string }>({ label, items, note = () => "" }: Props<T>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keyboard
    <ul className={css.items} tabIndex={0} aria-label={label}>
      {items.map((each) => (
        <li key={`${each.kind} ${each.path}${note(each)}`}>
          {kindName(each.kind)} <code>{each.path}</code>
          {note(each)}
        </li>
      ))}
    </ul>
  );
}
