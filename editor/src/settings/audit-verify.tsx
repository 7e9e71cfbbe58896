import { useState } from "react";
import { type AuditVerification, verifyAudit } from "../api/audit";
import { t } from "../texts/settings";
import { Field, Input } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import { Status } from "../ui/status";
import { FormDialog, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Dialog that verifies the hash chain of an audit trail and shows the anchor to be stored elsewhere. */
export function AuditVerify({ scope, close }: { scope: string | null; close: () => void }) {
  const submission = useSubmission(({ code }) => (code === "bad_request" ? "anchor" : ""));
  const [anchor, setAnchor] = useState("");
  const [found, setFound] = useState<AuditVerification | null>(null);
  const submit = () =>
    submission.send(async () => {
      setFound(null);
      setFound(await verifyAudit(scope, anchor.trim()));
    });
  return (
    <FormDialog
      title={t("settings.verifyTitle")}
      submitLabel={t("settings.verify")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <p className={css.note}>{t("settings.verifyHint")}</p>
      <Field label={t("settings.anchor")} help={t("settings.anchorHint")} error={submission.errors.anchor}>
        <Input
          className={css.mono}
          value={anchor}
          spellCheck={false}
          onChange={(event) => setAnchor(event.target.value)}
        />
      </Field>
      {found && <Result found={found} />}
    </FormDialog>
  );
}

function Result({ found }: { found: AuditVerification }) {
  const { broken } = found;
  const anchorUnknown = broken?.audit_id === 0;
  return (
    <div className={css.what} role="status">
      {broken ? (
        <>
          <Status status="failed" word={t(anchorUnknown ? "settings.anchorUnknown" : "settings.chainBroken")} />
          <p>
            {anchorUnknown
              ? t("settings.anchorUnknownHint")
              : t("settings.brokenAt", { id: broken.audit_id, link: broken.n, reason: broken.reason })}
          </p>
        </>
      ) : (
        <>
          <Status status="succeeded" word={t("settings.chainIntact", { count: found.links })} />
          <CopyableCommand label={t("settings.newAnchor")} text={`${found.links}:${found.head}`} />
        </>
      )}
      {found.inserted && (
        <p className={css.problem}>
          {t("settings.insertedAt", { id: found.inserted.audit_id, link: found.inserted.n })}
        </p>
      )}
      {found.unlinked > 0 && (
        <p className={css.problem}>
          {t("settings.unlinked", { count: found.unlinked, id: found.first_unlinked ?? "" })}
        </p>
      )}
    </div>
  );
}
