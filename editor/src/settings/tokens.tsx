import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { revokeToken, type Token, tokensQuery } from "../api/account";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Empty } from "../ui/states";
import { NewTokenDialog } from "./new-token";
import { Loaded, Rows, ShownOnce } from "./parts";
import css from "./settings.module.css";
import { RevokeToken, TokenFacts } from "./token-parts";

/** Tokens of the user, with a button that creates one. */
export function Tokens() {
  const tokens = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<string | null>(null);
  return (
    <section className={css.section} aria-labelledby="tokens">
      <div className={css.head}>
        <h2 id="tokens">{t("settings.tokens")}</h2>
        <Button icon="plus" onClick={() => setCreating(true)}>
          {t("settings.newToken")}
        </Button>
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
      {creating && <NewTokenDialog created={setCreated} close={() => setCreating(false)} />}
      {created && (
        <ShownOnce
          title={t("settings.tokenCreated")}
          label={t("settings.token")}
          text={created}
          hint={t("settings.tokenOnce")}
          close={() => setCreated(null)}
        />
      )}
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
