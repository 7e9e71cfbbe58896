import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type MemberToken, memberTokensQuery, revokeMemberToken } from "../api/member-tokens";
import { useParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { SearchedList } from "./parts";
import css from "./settings.module.css";
import { RevokeToken, TokenFacts } from "./token-parts";

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
  const revoke = async () => {
    await revokeMemberToken(workspace, token.token_prefix);
    await queries.invalidateQueries(memberTokensQuery(workspace));
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{token.username}</span>
          {token.label && <span>{token.label}</span>}
        </span>
        <TokenFacts token={token} workspace={token.bound ? workspace : null} />
      </div>
      {token.revocable ? (
        <RevokeToken name={token.label || token.token_prefix} revoke={revoke} />
      ) : (
        <span className={css.note} title={t("settings.ownerRevokesHint")}>
          {t("settings.ownerRevokes")}
        </span>
      )}
    </>
  );
}
