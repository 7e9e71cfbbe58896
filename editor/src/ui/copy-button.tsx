import { t } from "../texts/t";
import { IconButton } from "./controls";
import { notify, notifyError } from "./toasts";

interface Props {
  label: string;
  text: string;
  className?: string | undefined;
}

/** Button that copies a text. */
export function CopyButton({ label, text, className }: Props) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      notify(t("ui.copied"));
    } catch (error) {
      notifyError(error);
    }
  };
  return <IconButton label={label} icon="copy" className={className} onClick={() => void copy()} />;
}
