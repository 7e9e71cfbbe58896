import { attempt } from "../actions/registry";
import { t } from "../texts/triggers";
import { IconButton } from "../ui/controls";
import { notify } from "../ui/toasts";
import css from "./triggers.module.css";

/** Text with a button that copies it. */
export function CopyableCommand({ label, text }: { label: string; text: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    notify(t("ui.copied"));
  };
  return (
    <figure className={css.command}>
      <figcaption>{label}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line is scrolled by keyboard */}
      <pre tabIndex={0} data-command={label}>
        {text}
      </pre>
      <IconButton label={t("triggers.copyItem", { item: label })} icon="copy" onClick={() => attempt(copy)} />
    </figure>
  );
}
