import { useQuery } from "@tanstack/react-query";
import { ownInvitationsQuery } from "../api/account";
import { meQuery } from "../api/session";
import { t } from "../texts/settings";
import { Empty } from "../ui/states";
import { Invitations, Password, Sessions } from "./profile-page";
import css from "./settings.module.css";
import { TwoStepLogin } from "./two-step-login";

/** Account of the user without a workspace: invitations, password and sessions. Tokens are created in a workspace. */
export function AccountPage() {
  const me = useQuery(meQuery).data;
  const invitations = useQuery(ownInvitationsQuery).data;
  return (
    <main className={`${css.main} ${css.page}`}>
      <div className={css.head}>
        <h1>{t("settings.account")}</h1>
      </div>
      <p className={css.about}>{t("settings.signedInAs", { email: me?.email ?? "" })}</p>
      {me?.workspaces.length === 0 && invitations?.length === 0 && (
        <Empty title={t("settings.noWorkspace")}>
          <p>{t("settings.noWorkspaceHint")}</p>
        </Empty>
      )}
      {me?.impersonatedBy ? (
        <p className={css.note}>{t("settings.profileOfOther")}</p>
      ) : (
        <>
          <Invitations />
          <Sessions />
          <Password />
          <TwoStepLogin />
        </>
      )}
    </main>
  );
}
