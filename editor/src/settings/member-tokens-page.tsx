import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "react-router";
import { type MemberToken, memberTokensQuery, revokeMemberToken } from "../api/member-tokens";
import { t, tWith } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { Problem, SearchedList, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Tokens with which members and service accounts can act in the workspace. For admins. */
export function MemberTokensPage() {
  const { workspace = "" } = useParams();
  const tokens = useQuery(memberTokensQuery(workspace));
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.tokens")}</h1>
      </div>
      <p className={css.about}>{t("settings.memberTokensHint")}</p>
      <SearchedList
        label={t("settings.tokens")}
        query={tokens}
        keyOf={(each) => `${each.username} ${each.token_prefix}`}
        textOf={(each) => [each.username, each.token_prefix, each.label, ...(each.scopes ?? [])].join(" ")}
        empty={[t("settings.noTokens"), t("settings.noMemberTokensHint")]}
        row={(each) => <TokenRow workspace={workspace} token={each} />}
      />
    </main>
  );
}

function TokenRow({ workspace, token }: { workspace: string; token: MemberToken }) {
  const queries = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const { busy, errors, send } = useSubmission();
  const name = token.label || token.token_prefix;
  const revoke = async () => {
    if (!(await send(() => revokeMemberToken(workspace, token.token_prefix)))) return;
    notify(t("settings.tokenRevoked", { name }));
    await queries.invalidateQueries(memberTokensQuery(workspace));
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{token.username}</span>
          {token.label && <span>{token.label}</span>}
        </span>
        <span className={css.facts}>
          <code>{token.token_prefix}</code>
          <span>{token.bound ? workspace : t("settings.allWorkspaces")}</span>
          <span>
            {token.expiration
              ? tWith("settings.expires", { time: <Time at={token.expiration} ahead /> })
              : t("settings.neverExpires")}
          </span>
          <span>{tWith("settings.lastUsed", { time: <Time at={token.last_used_at} /> })}</span>
          {token.last_address && <span>{token.last_address}</span>}
        </span>
        <span className={css.facts}>
          {token.scopes?.map((scope) => (
            <code key={scope} className={css.chip}>
              {scope}
            </code>
          )) ?? <span className={css.chip}>{t("settings.allRights")}</span>}
        </span>
      </div>
      {token.bound ? (
        <Button
          look="danger"
          disabled={busy}
          onClick={() => setConfirming(true)}
          aria-label={t("settings.revokeToken", { name })}
        >
          {t("settings.revoke")}
        </Button>
      ) : (
        <span className={css.note} title={t("settings.ownerRevokesHint")}>
          {t("settings.ownerRevokes")}
        </span>
      )}
      <Problem text={errors[""]} />
      {confirming && (
        <Confirm
          title={t("settings.revokeToken", { name })}
          confirmLabel={t("settings.revoke")}
          close={() => setConfirming(false)}
          onConfirm={() => void revoke()}
        >
          <p>{t("settings.revokeHint")}</p>
        </Confirm>
      )}
    </>
  );
}
