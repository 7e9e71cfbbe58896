import { statusStyle } from "../lib/status";
import { Icon } from "./icon";
import css from "./status.module.css";

/** Status by colour, icon and word. */
export function Status({ status, word: label }: { status: string; word?: string }) {
  const style = statusStyle(status);
  return (
    <span className={css.status} data-tone={style.tone}>
      <Icon name={style.icon} size={12} />
      {label ?? style.label}
    </span>
  );
}
