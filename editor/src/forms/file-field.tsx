import { useState } from "react";
import { bytes } from "../lib/bytes";
import { t } from "../texts/forms";
import { Field, Input } from "../ui/controls";

interface Props {
  label: string;
  help: string | undefined;
  error: string | undefined;
  text: string;
  set: (text: string) => void;
}

/** A file, whose contents are the value in base64. */
export function FileField({ text, set, ...given }: Props) {
  const [fault, setFault] = useState<string | undefined>();
  const read = (file: File | undefined) => {
    setFault(undefined);
    if (!file) return set("");
    const reader = new FileReader();
    reader.onload = () => set(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => setFault(t("forms.notReadable", { file: file.name }));
    reader.readAsDataURL(file);
  };
  const size = text ? t("forms.fileSize", { size: bytes(Math.floor((text.length * 3) / 4)) }) : undefined;
  return (
    <Field {...given} help={size ?? given.help} error={fault ?? given.error}>
      <Input type="file" onChange={({ target }) => read(target.files?.[0])} />
    </Field>
  );
}
