import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Role } from "../api/members";
import {
  createServiceAccount,
  deleteServiceAccount,
  enableServiceAccount,
  type ServiceAccount,
  serviceAccountsQuery,
} from "../api/service-accounts";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { DeleteButton } from "./delete-button";
import { ROLE_HELP, RoleOptions, roleName } from "./new-member";
import { Ownerless } from "./ownerless";
import { FormDialog, missing, Problem, SearchedList, useSubmission } from "./parts";
import { ServiceTokenDialog } from "./service-token";
import css from "./settings.module.css";
import { CreatedToken, TokenExamples } from "./token-parts";

/** Service accounts of the workspace, with their tokens. For admins. */
export function ServiceAccountsPage() {
  const { workspace = "" } = useParams();
  const accounts = useQuery(serviceAccountsQuery(workspace));
  const [creating, setCreating] = useState(false);
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.serviceAccounts")}</h1>
        <Button look="main" icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newServiceAccount")}
        </Button>
      </div>
      <p className={css.about}>{t("settings.serviceAccountsHint")}</p>
      <SearchedList
        label={t("settings.serviceAccounts")}
        query={accounts}
        keyOf={(each) => each.username}
        textOf={(each) => [each.username, each.summary, each.owner, roleName(each.role)].join(" ")}
        empty={[t("settings.noServiceAccounts"), t("settings.noServiceAccountsHint")]}
        row={(each) => <AccountRow workspace={workspace} account={each} />}
      />
      <Ownerless workspace={workspace} only="service_account" />
      {creating && <NewAccountDialog workspace={workspace} close={() => setCreating(false)} />}
    </main>
  );
}

function AccountRow({ workspace, account }: { workspace: string; account: ServiceAccount }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const [dialog, setDialog] = useState<"token" | "disable" | null>(null);
  const [token, setToken] = useState<string | null>(null);
  const { username, disabled } = account;
  const refresh = () => queries.invalidateQueries({ queryKey: ["members", workspace] });
  const enable = async (enabled: boolean) => {
    if (await submission.send(() => enableServiceAccount(workspace, username, enabled)))
      notify(t(enabled ? "settings.enabledOf" : "settings.disabledOf", { name: username }));
    await refresh();
  };
  const remove = async () => {
    await deleteServiceAccount(workspace, username);
    await refresh();
  };
  const close = () => setDialog(null);
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{username}</span>
          <span className={css.chip}>{roleName(account.role)}</span>
          {disabled && <Status status="skipped" word={t("settings.disabled")} />}
        </span>
        <span className={css.facts}>
          {account.summary && <span>{account.summary}</span>}
          <span>{account.email}</span>
          <span>{t("settings.ownedBy", { owner: account.owner })}</span>
          <Link to={`/w/${workspace}/settings/tokens?q=${encodeURIComponent(username)}`}>
            {t("settings.tokenCount", { count: account.tokens })}
          </Link>
          <span>{tWith("settings.createdAt", { time: <Time at={account.created_at} /> })}</span>
        </span>
      </div>
      <div className={css.tools}>
        {disabled ? (
          <Button
            disabled={submission.busy}
            onClick={() => void enable(true)}
            aria-label={t("settings.enableOf", { name: username })}
          >
            {t("settings.enable")}
          </Button>
        ) : (
          <>
            <Button
              icon="key"
              onClick={() => setDialog("token")}
              aria-label={t("settings.newTokenOf", { name: username })}
            >
              {t("settings.newToken")}
            </Button>
            <Button onClick={() => setDialog("disable")} aria-label={t("settings.disableOf", { name: username })}>
              {t("settings.disable")}
            </Button>
          </>
        )}
        <DeleteButton
          name={username}
          hint={t("settings.deleteServiceAccountHint")}
          submission={submission}
          remove={remove}
        />
      </div>
      <Problem text={submission.errors[""]} />
      {dialog === "token" && (
        <ServiceTokenDialog workspace={workspace} username={username} created={setToken} close={close} />
      )}
      {dialog === "disable" && (
        <Confirm
          title={t("settings.disableQuestion", { name: username })}
          confirmLabel={t("settings.disable")}
          close={close}
          onConfirm={() => void enable(false)}
        >
          <p>{t("settings.disableServiceAccountHint")}</p>
        </Confirm>
      )}
      {token && (
        <CreatedToken token={token} close={() => setToken(null)}>
          <TokenExamples workspace={workspace} />
        </CreatedToken>
      )}
    </>
  );
}

function NewAccountDialog({ workspace, close }: { workspace: string; close: () => void }) {
  const queries = useQueryClient();
  const submission = useSubmission((error) => (error.message.includes("username") ? "name" : ""));
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [summary, setSummary] = useState("");
  const submit = async () => {
    const body = { username: username.trim(), role, summary: summary.trim() || null } as never;
    if (!(await submission.send(() => createServiceAccount(workspace, body), { name: missing(username) }))) return;
    notify(t("settings.saved", { name: username }));
    close();
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
  };
  return (
    <FormDialog
      title={t("settings.newServiceAccount")}
      submitLabel={t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("ui.name")} help={t("settings.serviceNameHint")} error={submission.errors.name}>
        <Input value={username} onChange={(event) => setUsername(event.target.value)} />
      </Field>
      <Field label={t("settings.role")} help={ROLE_HELP[role]}>
        <Select value={role} set={(next) => setRole(next as Role)}>
          <RoleOptions without="admin" />
        </Select>
      </Field>
      <Field label={t("ui.description")}>
        <Input value={summary} onChange={(event) => setSummary(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
