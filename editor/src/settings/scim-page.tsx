import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { instanceSettingsQuery } from "../api/instance-settings";
import { createScimToken, deleteScimToken, type ScimToken, scimBaseUrl, scimTokensQuery } from "../api/scim-tokens";
import { otherOrigin, useServerUrl } from "../api/server-url";
import { useParams } from "../routing/hooks";
import { t, tWith } from "../texts/settings";
import { CopyableCommand } from "../ui/copyable-command";
import { OtherOrigin } from "../ui/other-origin";
import { Time } from "../ui/time";
import { ExpiryField, expirationOf } from "./new-token";
import { FormDialog, SearchedList, useSubmission } from "./parts";
import { ScimGrants } from "./scim-grants";
import css from "./settings.module.css";
import { NewToken, RevokeToken } from "./token-parts";

/** Tokens of the identity providers that manage accounts by SCIM. For superadmins. */
export function ScimPage() {
  const tokens = useQuery(scimTokensQuery);
  const serverUrl = useServerUrl(useParams().workspace ?? "");
  return (
    <main className={css.main}>
      <div className={css.head}>
        <h1>{t("settings.scim")}</h1>
        <NewToken look="main" dialog={NewScimTokenDialog} />
      </div>
      <p className={css.about}>{t("settings.scimHint")}</p>
      <CopyableCommand label={t("settings.scimBaseUrl")} text={scimBaseUrl(serverUrl)} />
      <OtherOrigin origin={otherOrigin(serverUrl)} url={serverUrl} />
      <SearchedList
        label={t("settings.tokens")}
        query={tokens}
        keyOf={(each) => each.token_prefix}
        textOf={(each) => `${each.token_prefix} ${each.created_by}`}
        empty={[t("settings.noTokens"), t("settings.noScimTokensHint")]}
        row={(each) => <TokenRow token={each} />}
      />
      <ScimGrants />
    </main>
  );
}

function TokenRow({ token }: { token: ScimToken }) {
  const queries = useQueryClient();
  const { token_prefix: prefix, last_used_at: used } = token;
  const revoke = async () => {
    await deleteScimToken(prefix);
    await queries.invalidateQueries(scimTokensQuery);
  };
  return (
    <>
      <div className={css.what}>
        <code className={css.name}>{prefix}</code>
        <span className={css.facts}>
          <span>
            {tWith("settings.createdBy", { time: <Time at={token.created_at} /> }, { author: token.created_by })}
          </span>
          <span>{tWith("settings.expires", { time: <Time at={token.expiration} ahead /> })}</span>
          <span>{used ? tWith("settings.lastUsed", { time: <Time at={used} /> }) : t("settings.neverUsed")}</span>
        </span>
      </div>
      <RevokeToken name={prefix} revoke={revoke} />
    </>
  );
}

function NewScimTokenDialog({ created, close }: { created: (token: string) => void; close: () => void }) {
  const queries = useQueryClient();
  const submission = useSubmission();
  const settings = useQuery(instanceSettingsQuery).data;
  const limit = settings?.find((each) => each.name === "token_max_age_days")?.value;
  const most = typeof limit === "number" ? limit : null;
  const [chosen, setDays] = useState("365");
  const days = most !== null && Number(chosen) > most ? String(most) : chosen;
  const submit = async () => {
    if (!(await submission.send(async () => created(await createScimToken(expirationOf(days, most)))))) return;
    close();
    await queries.invalidateQueries(scimTokensQuery);
  };
  return (
    <FormDialog
      title={t("settings.newToken")}
      submitLabel={t("settings.createToken")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <ExpiryField days={days} set={setDays} most={most} />
    </FormDialog>
  );
}
