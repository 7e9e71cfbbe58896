import { statusStyle } from "../lib/status";
import { Icon } from "./icon";
import css from "./status.module.css";

interface Props {
  status: string;
  /** Replaces the label of the status. */
  word?: string;
  /** Replaces the icon of the status. */
  icon?: string;
}

/** Status by colour, icon and word. */
export function Status({ status, word: label, icon }: Props) {
  const style = statusStyle(status);
  return (
    <span className={css.status} data-tone={style.tone}>
      <Icon name={icon ?? style.icon} size={12} />
      {label ?? style.label}
    </span>
  );
}
