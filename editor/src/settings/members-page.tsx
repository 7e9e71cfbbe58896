import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Invitation } from "../api/account";
import {
  invitationsQuery,
  type Member,
  membersQuery,
  ownMemberQuery,
  type Role,
  setDisabled,
  setRole,
  withdrawInvitation,
} from "../api/members";
import { meQuery } from "../api/session";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/settings";
import { Button } from "../ui/controls";
import { Select } from "../ui/select";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { AccountDeparture } from "./account-departure";
import { Impersonate } from "./impersonate";
import { MemberDeparture } from "./member-departure";
import { AddMemberDialog, RoleOptions, roleName } from "./new-member";
import { Ownerless } from "./ownerless";
import { Loaded, Problem, Rows, SearchedList, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Members and invitations of the workspace, and items that act for former members. */
export function MembersPage() {
  const { workspace = "" } = useParams();
  const me = useQuery(ownMemberQuery(workspace));
  const members = useQuery(membersQuery(workspace));
  const [adding, setAdding] = useState(false);
  const admin = me.data?.is_admin ?? false;
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.members")}</h1>
        {admin && (
          <Button look="main" icon="plus" onClick={() => setAdding(true)}>
            {t("settings.addMember")}
          </Button>
        )}
      </div>
      <p className={css.about}>{t("settings.membersHint")}</p>
      <SearchedList
        label={t("settings.members")}
        query={members}
        keyOf={(each) => each.username}
        textOf={(each) => [each.username, each.name, each.email, roleName(each.role), ...each.groups].join(" ")}
        empty={[t("settings.noMembers"), t("settings.noMembersHint")]}
        row={(each) => (
          <MemberRow workspace={workspace} member={each} admin={admin} self={each.username === me.data?.username} />
        )}
      />
      {admin && <Invitations workspace={workspace} />}
      {admin && <Ownerless workspace={workspace} />}
      {adding && <AddMemberDialog workspace={workspace} close={() => setAdding(false)} />}
    </main>
  );
}

interface RowProps {
  workspace: string;
  member: Member;
  /** The user is an admin of the workspace. */
  admin: boolean;
  /** The member is the user. */
  self: boolean;
}

function MemberRow({ workspace, member, admin, self }: RowProps) {
  const queries = useQueryClient();
  const { busy, errors, send } = useSubmission();
  const [leaving, setLeaving] = useState<"disable" | "remove" | "organisation" | null>(null);
  const [acting, setActing] = useState(false);
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const { username, email, role, disabled, account_disabled: accountDisabled, service_account: service } = member;
  const managedBy = member.service_account_of;
  const change = async (work: () => Promise<void>, message: string) => {
    if (await send(work)) notify(message);
    await queries.invalidateQueries({ queryKey: ["members", workspace] });
  };
  const enable = () =>
    change(() => setDisabled(workspace, username, false), t("settings.enabledOf", { name: username }));
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{member.name ? `${member.name} (${username})` : username}</span>
          {self && <span className={css.chip}>{t("settings.you")}</span>}
          {service && (
            <span className={css.chip}>
              {managedBy ? t("settings.serviceAccountOf", { workspace: managedBy }) : t("settings.serviceAccount")}
            </span>
          )}
          {disabled && <Status status="skipped" word={t("settings.disabled")} />}
          {accountDisabled && <Status status="skipped" word={t("settings.accountDisabled")} />}
        </span>
        <span className={css.facts}>
          <span>{email}</span>
          <span>{t("settings.groupsOf", { groups: member.groups.join(", ") })}</span>
          <span>{tWith("settings.memberSince", { time: <Time at={member.created_at} /> })}</span>
        </span>
      </div>
      {admin ? (
        <div className={css.tools}>
          <Select
            aria-label={t("settings.roleOf", { name: username })}
            value={role}
            disabled={busy}
            set={(next) =>
              void change(
                () => setRole(workspace, username, next as Role),
                t("settings.roleChanged", { name: username, role: roleName(next) }),
              )
            }
          >
            {service ? <RoleOptions without="admin" /> : <RoleOptions />}
          </Select>
          {disabled ? (
            <Button
              disabled={busy}
              onClick={() => void enable()}
              aria-label={t("settings.enableOf", { name: username })}
            >
              {t("settings.enable")}
            </Button>
          ) : (
            !accountDisabled && (
              <>
                {!self && !member.is_super_admin && !service && (
                  <Button onClick={() => setActing(true)} aria-label={t("settings.actAsOf", { name: username })}>
                    {t("settings.actAs")}
                  </Button>
                )}
                <Button onClick={() => setLeaving("disable")} aria-label={t("settings.disableOf", { name: username })}>
                  {t("settings.disable")}
                </Button>
              </>
            )
          )}
          {service && !managedBy ? (
            <Link to={`/w/${workspace}/settings/service-accounts`}>{t("settings.serviceAccounts")}</Link>
          ) : (
            <Button
              look="danger"
              onClick={() => setLeaving("remove")}
              aria-label={t("settings.removeOf", { name: username })}
            >
              {t("settings.remove")}
            </Button>
          )}
          {superAdmin && !service && !self && !accountDisabled && (
            <Button
              look="danger"
              onClick={() => setLeaving("organisation")}
              aria-label={t("settings.endAccountOf", { name: email })}
            >
              {t("settings.endAccount")}
            </Button>
          )}
        </div>
      ) : (
        <span className={css.note}>{roleName(role)}</span>
      )}
      <Problem text={errors[""]} />
      {acting && <Impersonate workspace={workspace} username={username} close={() => setActing(false)} />}
      {leaving === "organisation" ? (
        <AccountDeparture email={email} close={() => setLeaving(null)} />
      ) : (
        leaving && (
          <MemberDeparture
            workspace={workspace}
            username={username}
            email={email}
            act={leaving}
            close={() => setLeaving(null)}
          />
        )
      )}
    </>
  );
}

function Invitations({ workspace }: { workspace: string }) {
  const invitations = useQuery(invitationsQuery(workspace));
  return (
    <section className={css.section} aria-labelledby="invitations">
      <h2 id="invitations">{t("settings.invitations")}</h2>
      <Loaded query={invitations} />
      {invitations.data?.length === 0 && <p className={css.note}>{t("settings.noInvitations")}</p>}
      <Rows
        label={t("settings.invitations")}
        items={invitations.data ?? []}
        keyOf={(each) => each.email}
        row={(each) => <InvitationRow workspace={workspace} invitation={each} />}
      />
    </section>
  );
}

function InvitationRow({ workspace, invitation }: { workspace: string; invitation: Invitation }) {
  const queries = useQueryClient();
  const { busy, errors, send } = useSubmission();
  const { email, invited_by: author } = invitation;
  const withdraw = async () => {
    await send(() => withdrawInvitation(workspace, email));
    await queries.invalidateQueries(invitationsQuery(workspace));
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{email}</span>
        <span className={css.facts}>
          <span>{roleName(invitation.role)}</span>
          <span>{tWith("settings.invitedBy", { time: <Time at={invitation.created_at} /> }, { author })}</span>
        </span>
      </div>
      <Button
        look="danger"
        disabled={busy}
        onClick={() => void withdraw()}
        aria-label={t("settings.withdrawOf", { email })}
      >
        {t("settings.withdraw")}
      </Button>
      <Problem text={errors[""]} />
    </>
  );
}
