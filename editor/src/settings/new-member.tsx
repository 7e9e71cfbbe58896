import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createAccountLink } from "../api/accounts";
import { addMember, inviteMember, type Role } from "../api/members";
import { meQuery } from "../api/session";
import { ApiError } from "../lib/api-error";
import { t } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import { notify } from "../ui/toasts";
import { FormDialog, missing, OneTimeLink, useSubmission } from "./parts";

const ROLES: readonly [Role, string][] = [
  ["admin", t("settings.roleAdmin")],
  ["developer", t("settings.roleDeveloper")],
  ["operator", t("settings.roleOperator")],
  ["viewer", t("settings.roleViewer")],
];

/** Explanations of the roles. */
export const ROLE_HELP: Readonly<Record<Role, string>> = {
  admin: t("settings.roleAdminHint"),
  developer: t("settings.roleDeveloperHint"),
  operator: t("settings.roleOperatorHint"),
  viewer: t("settings.roleViewerHint"),
};

export const roleName = (role: string): string => ROLES.find(([name]) => name === role)?.[1] ?? role;

/** Options of the roles except the one named `without`. */
export function RoleOptions({ without }: { without?: Role }) {
  return ROLES.filter(([name]) => name !== without).map(([name, word]) => (
    <option key={name} value={name}>
      {word}
    </option>
  ));
}

/** Ways to add a member: an existing account, an invitation, or a new account with a one-time link. */
type Way = "add" | "invite" | "create";

/** Dialog that adds or invites a member. */
export function AddMemberDialog({ workspace, close }: { workspace: string; close: () => void }) {
  const queries = useQueryClient();
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const [way, setWay] = useState<Way>("invite");
  const [email, setEmail] = useState("");
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [invitedWithoutAccount, setInvitedWithoutAccount] = useState(false);
  const [link, setLink] = useState<string | null>(null);
  const submission = useSubmission(fieldOf);
  const { errors } = submission;
  const submit = async () => {
    const address = { email: email.trim() };
    const name = username.trim() || null;
    let shown: string | null = null;
    let stays = false;
    const work = async () => {
      if (way === "invite") {
        const { mailed, hasAccount } = await inviteMember(workspace, address.email, role);
        // A provider creates the account of an address that gets a mail without having one.
        stays = !mailed && !hasAccount;
        setInvitedWithoutAccount(stays);
        if (!stays) notify(t(mailed ? "settings.invited" : "settings.invitedWithoutMail", address));
        return;
      }
      if (way === "create") {
        shown = await createAccountLink({ ...address, username: name });
        setLink(shown);
        // The account exists: another attempt only adds it.
        setWay("add");
        if (!shown) notify(t("settings.linkMailed", address));
      }
      await addMember(workspace, address.email, role, way === "add" ? name : null);
      notify(t("settings.added", address));
    };
    if (!(await submission.send(work, { email: missing(email) }))) return;
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
    if (!shown && !stays) close();
  };
  if (invitedWithoutAccount) {
    return (
      <InvitedWithoutAccount
        email={email.trim()}
        create={
          superAdmin
            ? () => {
                setWay("create");
                setInvitedWithoutAccount(false);
              }
            : undefined
        }
        close={close}
      />
    );
  }
  if (link && !submission.busy) {
    const problem = Object.values(errors).find(Boolean);
    return (
      <OneTimeLink
        title={t("settings.accountCreated")}
        email={email.trim()}
        link={link}
        problem={problem}
        close={problem ? () => setLink(null) : close}
      />
    );
  }
  return (
    <FormDialog
      title={t("settings.addMember")}
      submitLabel={way === "invite" ? t("settings.invite") : t("ui.add")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.way")} help={WAY_HELP[way]}>
        <Select value={way} set={(next) => setWay(next as Way)}>
          <option value="invite">{t("settings.wayInvite")}</option>
          <option value="add">{t("settings.wayAdd")}</option>
          {superAdmin && <option value="create">{t("settings.wayCreate")}</option>}
        </Select>
      </Field>
      <Field label={t("settings.email")} error={errors.email}>
        <Input type="email" value={email} onChange={(event) => setEmail(event.target.value)} />
      </Field>
      {way !== "invite" && (
        <Field
          label={t("settings.username")}
          help={t(way === "add" ? "settings.usernameOfAccountHint" : "settings.usernameHint")}
          error={errors.username}
        >
          <Input value={username} spellCheck={false} onChange={(event) => setUsername(event.target.value)} />
        </Field>
      )}
      <Field label={t("settings.role")} help={ROLE_HELP[role]}>
        <Select value={role} set={(next) => setRole(next as Role)}>
          <RoleOptions />
        </Select>
      </Field>
    </FormDialog>
  );
}

interface InvitedWithoutAccountProps {
  email: string;
  /** Opens the form of a new account; undefined for those who cannot create accounts. */
  create: (() => void) | undefined;
  close: () => void;
}

/** Dialog after an invitation that was not mailed because its address has no account, with the next step. */
function InvitedWithoutAccount({ email, create, close }: InvitedWithoutAccountProps) {
  return (
    <Dialog title={t("settings.noAccountTitle", { email })} close={close}>
      <p>{t(create ? "settings.noAccountCreate" : "settings.noAccountAsk")}</p>
      <div className={dialogCss.foot}>
        <Button look={create ? "plain" : "main"} onClick={close}>
          {t("settings.done")}
        </Button>
        {create && (
          <Button look="main" onClick={create}>
            {t("settings.wayCreate")}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

const WAY_HELP: Readonly<Record<Way, string>> = {
  invite: t("settings.wayInviteHint"),
  add: t("settings.wayAddHint"),
  create: t("settings.wayCreateHint"),
};

function fieldOf(error: unknown): string {
  if (!(error instanceof ApiError)) return "";
  if (/username|user name/.test(error.message)) return "username";
  return ["bad_request", "not_found", "already_exists", "conflict"].includes(error.code) ? "email" : "";
}
