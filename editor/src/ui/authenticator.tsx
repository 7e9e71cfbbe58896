import { t } from "../texts/t";
import css from "./authenticator.module.css";
import { Field, Input } from "./controls";
import { CopyButton } from "./copy-button";
import { CopyableCommand } from "./copyable-command";

/** Secret for an authenticator application, also as the address of an image with its QR code. */
interface Enrolment {
  secret: string;
  qr: string;
  recovery_codes: readonly string[];
}

/** Secret and recovery codes of a new authenticator. They are not shown again. */
export default function NewAuthenticator({ enrolment }: { enrolment: Enrolment }) {
  const { qr, secret, recovery_codes: codes } = enrolment;
  return (
    <div className={css.steps}>
      <p>{t("ui.scanCode")}</p>
      <img className={css.qr} src={qr} alt={t("ui.qrCode")} />
      <CopyableCommand label={t("ui.authenticatorKey")} text={secret} />
      <p>{t("ui.storeCodes")}</p>
      <ul className={css.codes} aria-label={t("ui.recoveryCodes")}>
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div>
        <CopyButton label={t("ui.copyItem", { item: t("ui.recoveryCodes") })} text={codes.join("\n")} />
      </div>
    </div>
  );
}

/** Field for a code of an authenticator application, or a recovery code. */
export function CodeField(props: { code: string; set: (code: string) => void; error: string | undefined }) {
  const { code, set, error } = props;
  return (
    <Field label={t("ui.loginCode")} help={t("ui.loginCodeHint")} error={error}>
      <Input
        autoComplete="one-time-code"
        autoFocus
        required
        spellCheck={false}
        value={code}
        onChange={(event) => set(event.target.value)}
      />
    </Field>
  );
}
