import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sessionsQuery } from "../api/account";
import { confirmCode, disableTwoStep, type Enrolment, enrol, twoStepQuery } from "../api/two-step";
import type { ApiError } from "../lib/api-error";
import { t } from "../texts/settings";
import NewAuthenticator, { CodeField } from "../ui/authenticator";
import { Button, Field, Input } from "../ui/controls";
import { Status } from "../ui/status";
import { notify } from "../ui/toasts";
import { FormDialog, Loaded, missing, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Two-step login of the user. */
export function TwoStepLogin() {
  const state = useQuery(twoStepQuery);
  const [open, setOpen] = useState(false);
  const { enabled = false, required = false, has_password: hasPassword = false } = state.data ?? {};
  const close = () => setOpen(false);
  return (
    <section className={css.section} aria-labelledby="two-step">
      <div className={css.head}>
        <h2 id="two-step">{t("settings.twoStep")}</h2>
        {enabled && <Status status="succeeded" word={t("settings.twoStepOn")} />}
      </div>
      <p className={css.about}>{t("settings.twoStepHint")}</p>
      <Loaded query={state} />
      {state.data && (
        <p className={css.note}>
          {enabled
            ? t("settings.codesLeft", { count: state.data.recovery_codes })
            : hasPassword
              ? required && t("settings.twoStepRequired")
              : t("settings.twoStepNoPassword")}
        </p>
      )}
      {hasPassword && (
        <div>
          <Button look={enabled ? "danger" : "plain"} onClick={() => setOpen(true)}>
            {enabled ? t("settings.twoStepOff") : t("settings.twoStepSetUp")}
          </Button>
        </div>
      )}
      {open && (enabled ? <SwitchOff close={close} /> : <SetUp close={close} />)}
    </section>
  );
}

function fieldOf({ code }: ApiError): string {
  return code === "wrong_password" ? "password" : code === "wrong_code" ? "code" : "";
}

function PasswordField(props: { password: string; set: (text: string) => void; error: string | undefined }) {
  const { password, set, error } = props;
  return (
    <Field label={t("settings.currentPassword")} error={error}>
      <Input
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={(event) => set(event.target.value)}
      />
    </Field>
  );
}

function SetUp({ close }: { close: () => void }) {
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const [made, setMade] = useState<Enrolment | null>(null);
  const [code, setCode] = useState("");
  const submission = useSubmission(fieldOf);
  const { errors, send } = submission;
  const submit = async () => {
    if (!made) {
      await send(async () => setMade(await enrol(password)), { password: missing(password) });
      return;
    }
    if (!(await send(() => confirmCode(code), { code: missing(code) }))) return;
    notify(t("settings.twoStepEnabled"));
    close();
    await Promise.all([queries.invalidateQueries(twoStepQuery), queries.invalidateQueries(sessionsQuery)]);
  };
  return (
    <FormDialog
      title={t("settings.twoStepSetUp")}
      submitLabel={made ? t("settings.twoStepEnable") : t("settings.next")}
      submission={submission}
      submit={submit}
      close={close}
    >
      {made ? (
        <>
          <NewAuthenticator enrolment={made} />
          <CodeField code={code} set={setCode} error={errors.code} />
        </>
      ) : (
        <PasswordField password={password} set={setPassword} error={errors.password} />
      )}
    </FormDialog>
  );
}

function SwitchOff({ close }: { close: () => void }) {
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const submission = useSubmission(fieldOf);
  const { errors, send } = submission;
  const submit = async () => {
    const problems = { password: missing(password), code: missing(code) };
    if (!(await send(() => disableTwoStep(password, code), problems))) return;
    notify(t("settings.twoStepDisabled"));
    close();
    await queries.invalidateQueries(twoStepQuery);
  };
  return (
    <FormDialog
      title={t("settings.twoStepOff")}
      submitLabel={t("settings.twoStepOff")}
      submission={submission}
      submit={submit}
      close={close}
      look="danger"
    >
      <PasswordField password={password} set={setPassword} error={errors.password} />
      <CodeField code={code} set={setCode} error={errors.code} />
    </FormDialog>
  );
}
