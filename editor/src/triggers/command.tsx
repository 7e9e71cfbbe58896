import { attempt } from "../actions/registry";
import { IconButton } from "../ui/controls";
import { notify } from "../ui/toasts";
import css from "./triggers.module.css";

/** Text to take away, with a button that copies it. */
export function CopyableCommand({ label, text }: { label: string; text: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    notify(`Copied: ${label}.`);
  };
  return (
    <figure className={css.command}>
      <figcaption>{label}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line is scrolled by keyboard */}
      <pre tabIndex={0} data-command={label}>
        {text}
      </pre>
      <IconButton label={`Copy: ${label}`} icon="copy" onClick={() => attempt(copy)} />
    </figure>
  );
}
