import { useState } from "react";
import { recordTest } from "../api/workflow-tests";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/workflow-tests";
import { Field, Input } from "../ui/controls";
import { notify } from "../ui/toasts";
import { FormDialog } from "./form-dialog";

interface Props {
  workspace: string;
  run: string;
  /** Path of the workflow. */
  path: string;
  close: () => void;
}

/** Dialog that creates a test from a run, then shows the tests of its workflow. */
export default function RecordDialog({ workspace, run, path, close }: Props) {
  const navigate = useNavigate();
  const [name, setName] = useState(`run-${run.slice(-6)}`);
  const [summary, setSummary] = useState("");
  const submit = async () => {
    await recordTest(workspace, run, name, summary);
    notify(t("workflow-tests.created", { name }));
    await navigate(`/w/${workspace}/workflows/${path}?view=tests`);
  };
  return (
    <FormDialog title={t("workflow-tests.keep")} submitLabel={t("workflow-tests.create")} submit={submit} close={close}>
      <p>{t("workflow-tests.keepHint")}</p>
      <Field label={t("workflow-tests.name")} help={t("workflow-tests.nameHint")}>
        <Input value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label={t("workflow-tests.summary")}>
        <Input value={summary} onChange={(event) => setSummary(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
