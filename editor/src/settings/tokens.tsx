import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { revokeToken, type Token, tokensQuery } from "../api/account";
import { t, tWith } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import { Empty } from "../ui/states";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { NewTokenDialog } from "./new-token";
import { Loaded, Problem, Rows, ShownOnce, useSubmission } from "./parts";
import css from "./settings.module.css";

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
  const [confirming, setConfirming] = useState(false);
  const { busy, errors, send } = useSubmission();
  const name = token.label || token.token_prefix;
  const revoke = async () => {
    if (!(await send(() => revokeToken(token.token_prefix)))) return;
    notify(t("settings.tokenRevoked", { name }));
    await queries.invalidateQueries(tokensQuery);
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.name}>{name}</span>
        <span className={css.facts}>
          <code>{token.token_prefix}</code>
          <span>{token.workspace_id ?? t("settings.allWorkspaces")}</span>
          <span>
            {token.expiration
              ? tWith("settings.expires", { time: <Time at={token.expiration} ahead /> })
              : t("settings.neverExpires")}
          </span>
          <span>{tWith("settings.lastUsed", { time: <Time at={token.last_used_at} /> })}</span>
          <span>{token.last_address}</span>
        </span>
        <span className={css.facts}>
          {token.scopes?.map((scope) => (
            <code key={scope} className={css.chip}>
              {scope}
            </code>
          )) ?? <span className={css.chip}>{t("settings.allRights")}</span>}
        </span>
      </div>
      <Button
        look="danger"
        disabled={busy}
        onClick={() => setConfirming(true)}
        aria-label={t("settings.revokeToken", { name })}
      >
        {t("settings.revoke")}
      </Button>
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
