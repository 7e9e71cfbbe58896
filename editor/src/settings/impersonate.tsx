import { useState } from "react";
import { impersonate } from "../api/members";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { FormDialog, missing, useSubmission } from "./parts";
import css from "./settings.module.css";

const MINUTES = [15, 30, 60];

/** Dialog in which an admin starts to act as a member. */
export function Impersonate(props: { workspace: string; username: string; close: () => void }) {
  const { workspace, username, close } = props;
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState("30");
  const submission = useSubmission();
  const submit = async () => {
    const start = () => impersonate(workspace, username, Number(minutes), reason.trim());
    // Everything on the page belongs to the admin, so it is loaded again.
    if (await submission.send(start, { reason: missing(reason) })) window.location.assign(`/w/${workspace}`);
  };
  return (
    <FormDialog
      title={t("settings.actAsOf", { name: username })}
      submitLabel={t("settings.actAs")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <p className={css.note}>{t("settings.actAsHint")}</p>
      <Field label={t("settings.reason")} help={t("settings.reasonHint")} error={submission.errors.reason}>
        <Input value={reason} onChange={(event) => setReason(event.target.value)} />
      </Field>
      <Field label={t("settings.duration")}>
        <Select value={minutes} set={setMinutes}>
          {MINUTES.map((each) => (
            <option key={each} value={each}>
              {t("settings.minutes", { count: each })}
            </option>
          ))}
        </Select>
      </Field>
    </FormDialog>
  );
}
