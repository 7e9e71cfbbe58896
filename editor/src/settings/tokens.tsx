import { useQuery, useQueryClient } from "@tanstack/react-query";
import { revokeToken, type Token, tokensQuery } from "../api/account";
import { t } from "../texts/settings";
import { Empty } from "../ui/states";
import { NewTokenDialog } from "./new-token";
import { Loaded, Rows } from "./parts";
import css from "./settings.module.css";
import { NewToken, RevokeToken, TokenExamples, TokenFacts } from "./token-parts";

/** Tokens of the user, with a button that creates one. */
export function Tokens() {
  const tokens = useQuery(tokensQuery);
  return (
    <section className={css.section} aria-labelledby="tokens">
      <div className={css.head}>
        <h2 id="tokens">{t("settings.tokens")}</h2>
        <NewToken dialog={NewTokenDialog} examples={<TokenExamples />} />
      </div>
      <p className={css.about}>{t("settings.tokensHint")}</p>
      <Loaded query={tokens} />
      {tokens.data?.length === 0 && (
        <Empty title={t("settings.noTokens")}>
          <p>{t("settings.noTokensHint")}</p>
        </Empty>
      )}
      <Rows
        label={t("settings.tokens")}
        items={tokens.data ?? []}
        keyOf={(each) => each.token_prefix}
        row={(each) => <TokenRow token={each} />}
      />
    </section>
  );
}

function TokenRow({ token }: { token: Token }) {
  const queries = useQueryClient();
  const name = token.label || token.token_prefix;
  const revoke = async () => {
    await revokeToken(token.token_prefix);
    await queries.invalidateQueries(tokensQuery);
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{name}</span>
        <TokenFacts token={token} workspace={token.workspace_id ?? null} />
      </div>
      <RevokeToken name={name} revoke={revoke} />
    </>
  );
}
