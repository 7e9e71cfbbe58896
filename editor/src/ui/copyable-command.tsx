import { t } from "../texts/t";
import { IconButton } from "./controls";
import css from "./copyable-command.module.css";
import { notify, notifyError } from "./toasts";

/** Text with a button that copies it. */
export function CopyableCommand({ label, text }: { label: string; text: string }) {
  const copy = () =>
    navigator.clipboard
      .writeText(text)
      .then(() => notify(t("ui.copied")))
      .catch(notifyError);
  return (
    <figure className={css.command}>
      <figcaption>{label}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line is scrolled by keyboard */}
      <pre tabIndex={0} data-command={label}>
        {text}
      </pre>
      <IconButton label={t("ui.copyItem", { item: label })} icon="copy" onClick={() => void copy()} />
    </figure>
  );
}
