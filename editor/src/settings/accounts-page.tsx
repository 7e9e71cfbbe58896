import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  type Account,
  accountsQuery,
  createAccountLink,
  enableAccount,
  resetPassword,
  updateAccount,
} from "../api/accounts";
import { identityProvidersQuery } from "../api/identity-providers";
import { meQuery } from "../api/session";
import { resetTwoStep } from "../api/two-step";
import { t, tWith } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { AccountDeparture } from "./account-departure";
import { IdentitiesDialog } from "./identities-dialog";
import { FormDialog, missing, OneTimeLink, Problem, SearchedList, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Accounts of the instance. Superadmins only. */
export function AccountsPage() {
  const accounts = useQuery(accountsQuery);
  const me = useQuery(meQuery).data?.email;
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.accounts")}</h1>
        <Button look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newAccount")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.accountsHint")}</p>
      <SearchedList
        label={t("settings.accounts")}
        query={accounts}
        keyOf={(each) => each.email}
        textOf={(each) => `${each.email} ${each.username} ${each.name ?? ""} ${roleOf(each)}`}
        empty={[t("settings.noAccounts"), t("settings.noAccountsHint")]}
        row={(each) => <AccountRow account={each} self={each.email === me} />}
      />
      {creating && <NewAccountDialog close={() => setCreating(false)} />}
    </main>
  );
}

const ROLES: Readonly<Record<string, string>> = {
  user: t("settings.instanceUser"),
  devops: t("settings.instanceDevops"),
  superadmin: t("settings.instanceSuperadmin"),
};

const SUPERADMIN = "superadmin";

const keyOfRole = (account: Account): string => (account.super_admin ? SUPERADMIN : account.devops ? "devops" : "user");
const roleOf = (account: Account): string => ROLES[keyOfRole(account)] ?? "";
const flagsOf = (role: string) => ({ is_super_admin: role === SUPERADMIN, is_devops: role === "devops" });

function RoleSelect({ role, set, ...rest }: { role: string; set: (role: string) => void; "aria-label"?: string }) {
  return (
    <Select value={role} set={set} {...rest}>
      {Object.entries(ROLES).map(([name, word]) => (
        <option key={name} value={name}>
          {word}
        </option>
      ))}
    </Select>
  );
}

function AccountRow({ account, self }: { account: Account; self: boolean }) {
  const queries = useQueryClient();
  const { busy, errors, send } = useSubmission();
  const [asking, setAsking] = useState<"reset" | "totp" | "identities" | "disable" | "delete" | null>(null);
  const [link, setLink] = useState<string | null>(null);
  const [newRole, setNewRole] = useState<string | null>(null);
  const { email, disabled, service_account: service } = account;
  const providers = useQuery(identityProvidersQuery).data ?? {};
  const linkable = Object.keys(providers).length > 0 && !service;
  const act = async (work: () => Promise<unknown>, message: string) => {
    if (await send(work)) notify(message);
    await queries.invalidateQueries(accountsQuery);
  };
  const reset = async () => {
    const made = await resetPassword(email);
    if (made) setLink(made);
    else notify(t("settings.linkMailed", { email }));
  };
  const changeRole = (role: string) =>
    void act(
      () => updateAccount(email, flagsOf(role)),
      t("settings.roleChanged", { name: email, role: ROLES[role] ?? role }),
    );
  const close = () => setAsking(null);
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{email}</span>
          {self && <span className={css.chip}>{t("settings.you")}</span>}
          {service && <span className={css.chip}>{t("settings.serviceAccount")}</span>}
          {disabled && <Status status="skipped" word={t("settings.disabled")} />}
        </span>
        <span className={css.facts}>
          <span>{account.name ? `${account.name} (${account.username})` : account.username}</span>
          <span>{tWith("settings.createdAt", { time: <Time at={account.created_at} /> })}</span>
        </span>
      </div>
      <div className={css.tools}>
        {!service && (
          <RoleSelect
            aria-label={t("settings.roleOf", { name: email })}
            role={keyOfRole(account)}
            set={(role) => (role === SUPERADMIN ? setNewRole(role) : changeRole(role))}
          />
        )}
        {disabled ? (
          <Button
            disabled={busy}
            onClick={() => void act(() => enableAccount(email), t("settings.enabledOf", { name: email }))}
            aria-label={t("settings.enableOf", { name: email })}
          >
            {t("settings.enable")}
          </Button>
        ) : (
          <>
            {!service && (
              <Button onClick={() => setAsking("reset")} aria-label={t("settings.resetOf", { email })}>
                {t("settings.reset")}
              </Button>
            )}
            {account.totp && !self && (
              <Button onClick={() => setAsking("totp")} aria-label={t("settings.resetTwoStepOf", { email })}>
                {t("settings.resetTwoStep")}
              </Button>
            )}
            {linkable && (
              <Button onClick={() => setAsking("identities")} aria-label={t("settings.identitiesOf", { email })}>
                {t("settings.identities")}
              </Button>
            )}
            <Button onClick={() => setAsking("disable")} aria-label={t("settings.disableOf", { name: email })}>
              {t("settings.disable")}
            </Button>
          </>
        )}
        <Button
          look="danger"
          onClick={() => setAsking("delete")}
          aria-label={t("settings.deleteItem", { name: email })}
        >
          {t("ui.delete")}
        </Button>
      </div>
      <Problem text={errors[""]} />
      {newRole && (
        <Confirm
          title={t("settings.makeSuperadmin", { name: email })}
          confirmLabel={t("settings.makeSuperadminConfirm")}
          close={() => setNewRole(null)}
          onConfirm={() => changeRole(newRole)}
        >
          <p>{t("settings.makeSuperadminHint")}</p>
        </Confirm>
      )}
      {asking === "reset" && (
        <Confirm
          title={t("settings.resetQuestion", { email })}
          confirmLabel={t("settings.reset")}
          close={close}
          onConfirm={() => void send(reset)}
        >
          <p>{t("settings.resetHint")}</p>
        </Confirm>
      )}
      {asking === "totp" && (
        <Confirm
          title={t("settings.resetTwoStepQuestion", { email })}
          confirmLabel={t("settings.resetTwoStep")}
          close={close}
          onConfirm={() => void act(() => resetTwoStep(email), t("settings.twoStepReset", { email }))}
        >
          <p>{t("settings.resetTwoStepHint")}</p>
        </Confirm>
      )}
      {asking === "identities" && <IdentitiesDialog email={email} close={close} />}
      {(asking === "disable" || asking === "delete") && <AccountDeparture email={email} act={asking} close={close} />}
      {link && (
        <OneTimeLink title={t("settings.passwordReset")} email={email} link={link} close={() => setLink(null)} />
      )}
    </>
  );
}

function NewAccountDialog({ close }: { close: () => void }) {
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [username, setUsername] = useState("");
  const [role, setRole] = useState("user");
  const [link, setLink] = useState<string | null>(null);
  const submission = useSubmission(({ code, message }) => {
    if (/the username/i.test(message) && code === "bad_request") return "username";
    return code === "bad_request" || code === "already_exists" ? "email" : "";
  });
  const { errors } = submission;
  const submit = async () => {
    const create = async () => {
      const made = await createAccountLink({
        email: email.trim(),
        name: name.trim() || null,
        username: username.trim() || null,
        super_admin: role === "superadmin",
        devops: role === "devops",
      });
      if (made) {
        setLink(made);
        return;
      }
      notify(t("settings.linkMailed", { email: email.trim() }));
      close();
    };
    if (await submission.send(create, { email: missing(email) })) await queries.invalidateQueries(accountsQuery);
  };
  if (link) return <OneTimeLink title={t("settings.accountCreated")} email={email.trim()} link={link} close={close} />;
  return (
    <FormDialog
      title={t("settings.newAccount")}
      submitLabel={t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <p className={css.note}>{t("settings.wayCreateHint")}</p>
      <Field label={t("settings.email")} error={errors.email}>
        <Input type="email" value={email} onChange={(event) => setEmail(event.target.value)} />
      </Field>
      <Field label={t("settings.fullName")}>
        <Input value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label={t("settings.username")} help={t("settings.usernameHint")} error={errors.username}>
        <Input value={username} spellCheck={false} onChange={(event) => setUsername(event.target.value)} />
      </Field>
      <Field label={t("settings.role")}>
        <RoleSelect role={role} set={setRole} />
      </Field>
    </FormDialog>
  );
}
