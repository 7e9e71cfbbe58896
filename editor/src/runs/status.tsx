import { lookOf } from "../lib/state";
import { Icon } from "../ui/icon";
import css from "./status.module.css";

/** How something stands: colour, icon and word. */
export function Status({ status, word }: { status: string; word?: string }) {
  const look = lookOf(status);
  return (
    <span className={css.status} data-tone={look.tone}>
      <Icon name={look.icon} size={12} />
      {word ?? look.word}
    </span>
  );
}
