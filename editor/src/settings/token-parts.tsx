import { type ComponentType, type ReactNode, useState } from "react";
import { useServerUrl } from "../api/server-url";
import { useParams } from "../routing/hooks";
import { t, tWith } from "../texts/settings";
import { curl } from "../triggers/curl";
import { Confirm } from "../ui/confirm";
import { Button } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { Problem, ShownOnce, useSubmission } from "./parts";
import css from "./settings.module.css";

interface Facts {
  token_prefix: string;
  expiration?: string | null | undefined;
  last_used_at: string;
  last_address?: string | null | undefined;
  scopes?: readonly string[] | null | undefined;
}

/** Prefix, workspace, lifetime, last use and scopes of a token. `workspace`: null for all workspaces. */
export function TokenFacts({ token, workspace }: { token: Facts; workspace: string | null }) {
  return (
    <>
      <span className={css.facts}>
        <code>{token.token_prefix}</code>
        <span>{workspace ?? t("settings.allWorkspaces")}</span>
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
    </>
  );
}

/** Button that revokes a token after a confirmation, and the error if it could not be revoked. */
export function RevokeToken({ name, revoke }: { name: string; revoke: () => Promise<void> }) {
  const [confirming, setConfirming] = useState(false);
  const { busy, errors, send } = useSubmission();
  const confirmed = async () => {
    if (await send(revoke)) notify(t("settings.tokenRevoked", { name }));
  };
  return (
    <>
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
          title={t("settings.revokeQuestion", { name })}
          confirmLabel={t("settings.revoke")}
          close={() => setConfirming(false)}
          onConfirm={() => void confirmed()}
        >
          <p>{t("settings.revokeHint")}</p>
        </Confirm>
      )}
    </>
  );
}

interface DialogProps {
  /** Receives the token. */
  created: (token: string) => void;
  close: () => void;
}

interface NewTokenProps {
  dialog: ComponentType<DialogProps>;
  look?: "main";
  /** Commands that use the token, shown with it. */
  examples?: ReactNode;
}

/** Button that opens `dialog`, which creates a token. The token is shown once. */
export function NewToken({ dialog: NewTokenDialog, look, examples }: NewTokenProps) {
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<string | null>(null);
  return (
    <>
      <Button icon="plus" look={look} onClick={() => setCreating(true)}>
        {t("settings.newToken")}
      </Button>
      {creating && <NewTokenDialog created={setCreated} close={() => setCreating(false)} />}
      {created && (
        <CreatedToken token={created} close={() => setCreated(null)}>
          {examples}
        </CreatedToken>
      )}
    </>
  );
}

interface CreatedProps {
  token: string;
  close: () => void;
  children?: ReactNode;
}

/** Dialog with a token that was created. */
export function CreatedToken({ token, close, children }: CreatedProps) {
  const title = t("settings.tokenCreated");
  return (
    <ShownOnce title={title} label={t("settings.token")} text={token} hint={t("settings.tokenOnce")} close={close}>
      {children}
    </ShownOnce>
  );
}

/** Commands that use a token of the API. `workspace`: that of the service account whose token it is. */
export function TokenExamples({ workspace }: { workspace?: string }) {
  const server = useServerUrl(useParams().workspace ?? "");
  const login = `orvanta login ${server} --token-stdin`;
  return (
    <>
      <CopyableCommand
        label={t("settings.tokenLogin")}
        text={workspace ? `${login} --workspace ${workspace}` : login}
      />
      <CopyableCommand
        label={t("settings.tokenCurl")}
        text={curl(`${server}/api/users/whoami`, { method: "GET", token: "" })}
      />
    </>
  );
}
