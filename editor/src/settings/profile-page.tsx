import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import {
  answerInvitation,
  changePassword,
  endSession,
  type Invitation,
  type OwnSession,
  ownInvitationsQuery,
  sessionsQuery,
} from "../api/account";
import { meQuery } from "../api/session";
import type { ApiError } from "../lib/api-error";
import { useNavigate, useParams } from "../routing/hooks";
import { t, tWith } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { Loaded, missing, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";
import { Tokens } from "./tokens";
import { TwoStepLogin } from "./two-step-login";

/** Password, sessions, tokens and invitations of the user. */
export function ProfilePage() {
  const me = useQuery(meQuery);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.profile")}</h1>
      </div>
      <p className={css.about}>{t("settings.signedInAs", { email: me.data?.email ?? "" })}</p>
      {me.data?.impersonatedBy ? (
        <p className={css.note}>{t("settings.profileOfOther")}</p>
      ) : (
        <>
          <Invitations />
          <Tokens />
          <Sessions />
          <Password />
          <TwoStepLogin />
        </>
      )}
    </main>
  );
}

const NO_PASSWORD = { current: "", next: "", again: "" };

/** Form that changes the password of the user. */
export function Password() {
  const queries = useQueryClient();
  const [{ current, next, again }, setTyped] = useState(NO_PASSWORD);
  const { busy, errors, send } = useSubmission(passwordField);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const problems = {
      current: missing(current),
      next: missing(next),
      again: next === again ? undefined : t("settings.passwordsDiffer"),
    };
    if (!(await send(() => changePassword(current, next), problems))) return;
    setTyped(NO_PASSWORD);
    notify(t("settings.passwordChanged"));
    await queries.invalidateQueries(sessionsQuery);
  };
  const field = (name: keyof typeof NO_PASSWORD, label: string, value: string, autoComplete: string) => (
    <Field label={label} error={errors[name]}>
      <Input
        type="password"
        autoComplete={autoComplete}
        value={value}
        onChange={(event) => {
          const text = event.target.value;
          setTyped((before) => ({ ...before, [name]: text }));
        }}
      />
    </Field>
  );
  return (
    <section className={css.section} aria-labelledby="password">
      <h2 id="password">{t("settings.password")}</h2>
      <p className={css.about}>{t("settings.passwordHint")}</p>
      <form className={css.form} onSubmit={(event) => void submit(event)} noValidate>
        {field("current", t("settings.currentPassword"), current, "current-password")}
        {field("next", t("settings.newPassword"), next, "new-password")}
        {field("again", t("settings.repeatPassword"), again, "new-password")}
        <Problem text={errors[""]} />
        <div>
          <Button look="main" type="submit" disabled={busy}>
            {t("settings.changePassword")}
          </Button>
        </div>
      </form>
    </section>
  );
}

function passwordField(error: ApiError): string {
  if (error.code === "wrong_password") return "current";
  return error.code === "bad_request" || error.code === "unsupported_password" ? "next" : "";
}

/** Sessions of the user, with buttons that end them. */
export function Sessions() {
  const sessions = useQuery(sessionsQuery);
  return (
    <section className={css.section} aria-labelledby="sessions">
      <h2 id="sessions">{t("settings.sessions")}</h2>
      <p className={css.about}>{t("settings.sessionsHint")}</p>
      <Loaded query={sessions} />
      {sessions.data?.length === 0 && <p className={css.note}>{t("settings.noSessions")}</p>}
      <Rows
        label={t("settings.sessions")}
        items={sessions.data ?? []}
        keyOf={(each) => each.token_prefix}
        row={(each) => <SessionRow session={each} />}
      />
    </section>
  );
}

function SessionRow({ session }: { session: OwnSession }) {
  const queries = useQueryClient();
  const { busy, errors, send } = useSubmission();
  const end = async () => {
    if (await send(() => endSession(session.token_prefix))) await queries.invalidateQueries(sessionsQuery);
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{session.last_address ?? t("settings.unknownAddress")}</span>
        <span className={css.facts}>
          <span>{tWith("settings.lastUsed", { time: <Time at={session.last_used_at} /> })}</span>
          <span>{tWith("settings.loggedIn", { time: <Time at={session.created_at} /> })}</span>
          <span>{tWith("settings.expires", { time: <Time at={session.expiration} ahead /> })}</span>
          <code>{session.token_prefix}</code>
        </span>
      </div>
      {session.current ? (
        <Status status="succeeded" word={t("settings.thisSession")} />
      ) : (
        <Button
          look="danger"
          disabled={busy}
          onClick={() => void end()}
          aria-label={t("settings.endSessionOf", { name: session.token_prefix })}
        >
          {t("settings.endSession")}
        </Button>
      )}
      <Problem text={errors[""]} />
    </>
  );
}

/** Invitations of the user; nothing if there are none. */
export function Invitations() {
  const invitations = useQuery(ownInvitationsQuery);
  if (!invitations.data?.length) return null;
  return (
    <section className={css.section} aria-labelledby="invitations">
      <h2 id="invitations">{t("settings.invitations")}</h2>
      <Rows
        label={t("settings.invitations")}
        items={invitations.data}
        keyOf={(each) => each.workspace_id}
        row={(each) => <OwnInvitation invitation={each} />}
      />
    </section>
  );
}

function OwnInvitation({ invitation }: { invitation: Invitation }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { workspace } = useParams();
  const { busy, errors, send } = useSubmission();
  const { workspace_id: id, workspace_name: name, invited_by: author } = invitation;
  const answer = async (accept: boolean) => {
    if (!(await send(() => answerInvitation(id, accept)))) return;
    await Promise.all([queries.invalidateQueries(ownInvitationsQuery), queries.invalidateQueries(meQuery)]);
    notify(accept ? t("settings.joined", { name }) : t("settings.declined", { name }));
    if (accept && !workspace) await navigate(`/w/${id}`);
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{name}</span>
        <span className={css.facts}>
          {tWith("settings.invitedBy", { time: <Time at={invitation.created_at} /> }, { author })}
        </span>
      </div>
      <div className={css.tools}>
        <Button look="main" disabled={busy} onClick={() => void answer(true)}>
          {t("settings.join")}
        </Button>
        <Button disabled={busy} onClick={() => void answer(false)}>
          {t("settings.decline")}
        </Button>
      </div>
      <Problem text={errors[""]} />
    </>
  );
}
