import { useState } from "react";
import { t } from "../texts/forms";
import { Field, Input } from "../ui/controls";

interface Props {
  labels: readonly string[];
  set: (labels: string[]) => void;
}

/** Field of the labels of an item, separated by commas. They are set when the field loses the focus. */
export function LabelsField({ labels, set }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  const shown = labels.join(", ");
  const commit = () => {
    if (typed !== null && typed !== shown) set(labelsOf(typed));
    setTyped(null);
  };
  return (
    <Field label={t("forms.labels")} help={t("forms.labelsHelp")}>
      <Input
        value={typed ?? shown}
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
    </Field>
  );
}

/** Return the labels of a text, each once. */
export function labelsOf(typed: string): string[] {
  return [...new Set(typed.split(",").map((label) => label.trim()))].filter(Boolean);
}
