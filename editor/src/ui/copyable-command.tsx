import { t } from "../texts/t";
import { CopyButton } from "./copy-button";
import css from "./copyable-command.module.css";

/** Text with a button that copies it. */
export function CopyableCommand({ label, text }: { label: string; text: string }) {
  return (
    <figure className={css.command}>
      <figcaption>{label}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line is scrolled by keyboard */}
      <pre tabIndex={0} data-command={label}>
        {text}
      </pre>
      <CopyButton label={t("ui.copyItem", { item: label })} text={text} />
    </figure>
  );
}
