import { useState } from "react";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { FormDialog, missing, useSubmission } from "./parts";

interface Props {
  title: string;
  create: (name: string, summary: string) => Promise<unknown>;
  /** Receives the name of the new item. */
  created: (name: string) => void;
  close: () => void;
}

/** Dialog with the name and the description of a new group or folder. */
export function NewDialog({ title, create, created, close }: Props) {
  const [name, setName] = useState("");
  const [summary, setSummary] = useState("");
  const submission = useSubmission(({ code }) => (code === "bad_request" || code === "already_exists" ? "name" : ""));
  const submit = async () => {
    if (await submission.send(() => create(name.trim(), summary), { name: missing(name) })) created(name.trim());
  };
  return (
    <FormDialog title={title} submitLabel={t("settings.create")} submission={submission} submit={submit} close={close}>
      <Field label={t("ui.name")} error={submission.errors.name}>
        <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label={t("ui.description")}>
        <Input value={summary} onChange={(event) => setSummary(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
