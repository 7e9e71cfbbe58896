import { useState } from "react";
import {
  applyRequest,
  approveRequest,
  commentRequest,
  type DetailedRequest,
  type Environment,
  rejectRequest,
  withdrawRequest,
} from "../api/environments";
import { t } from "../texts/environments";
import { Confirm } from "../ui/confirm";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { ApplyDialog } from "./apply-dialog";
import css from "./environments.module.css";
import { Refusal } from "./parts";
import { useChange } from "./use-change";

/** Comment, decisions and deployment of a request; what the user may not do is disabled, with the reason. */
export function Actions({ environment, request }: { environment: Environment; request: DetailedRequest }) {
  const { workspace } = environment;
  const [applying, setApplying] = useState(false);
  const [comment, setComment] = useState("");
  const [reason, setReason] = useState("");
  const changing = useChange(workspace, () => setComment(""));
  const [rejecting, setRejecting] = useState(false);
  const { id, state, plan, stale, plan_hash: hash, permitted } = request;
  const change = (work: () => Promise<void>) => () => changing.mutate(work);
  const open = state === "open";
  const refusal = {
    approve: permitted.includes("approve") ? undefined : t("environments.mayNotApprove"),
    apply: permitted.includes("apply") ? undefined : t("environments.mayNotApply"),
    change: permitted.includes("change") ? undefined : t("environments.mayNotChange"),
  };
  const busy = changing.isPending;
  const isBlocked = plan.blocked.length > 0 || (plan.unfulfilled.length > 0 && !reason.trim());
  return (
    <section className={css.form}>
      <Field label={t("environments.comment")}>
        <textarea
          className={controls.input}
          rows={2}
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
      </Field>
      {open && plan.unfulfilled.length > 0 && permitted.includes("bypass") && (
        <Field label={t("environments.bypass")} help={t("environments.bypassHint")}>
          <Input value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
      )}
      {changing.isError && <Refusal error={changing.error} />}
      <div className={css.tools}>
        <Button disabled={busy || !comment.trim()} onClick={change(() => commentRequest(workspace, id, comment))}>
          {t("environments.sendComment")}
        </Button>
        {open && (
          <>
            <Button
              icon="check"
              disabled={busy || stale || !!refusal.approve}
              title={refusal.approve}
              onClick={change(() => approveRequest(workspace, id, hash, comment))}
            >
              {t("environments.approve")}
            </Button>
            <Button
              look="main"
              icon="deploy"
              disabled={busy || stale || !!refusal.apply || isBlocked}
              title={refusal.apply}
              onClick={() => setApplying(true)}
            >
              {t("environments.apply")}
            </Button>
            <Button
              look="danger"
              disabled={busy || !!refusal.approve}
              title={refusal.approve}
              onClick={() => setRejecting(true)}
            >
              {t("environments.reject")}
            </Button>
            <Button
              look="quiet"
              disabled={busy || !!refusal.change}
              title={refusal.change}
              onClick={change(() => withdrawRequest(workspace, id))}
            >
              {t("environments.withdraw")}
            </Button>
          </>
        )}
      </div>
      {rejecting && (
        <Confirm
          title={t("environments.rejectQuestion", { id })}
          confirmLabel={t("environments.reject")}
          onConfirm={change(() => rejectRequest(workspace, id, comment))}
          close={() => setRejecting(false)}
        >
          <p>{t("environments.rejectHint")}</p>
          <Field label={t("environments.rejectReason")}>
            <Input value={comment} onChange={(event) => setComment(event.target.value)} />
          </Field>
        </Confirm>
      )}
      {applying && (
        <ApplyDialog
          environment={environment}
          request={request}
          bypassReason={reason.trim()}
          apply={change(() => applyRequest(workspace, id, hash, reason))}
          close={() => setApplying(false)}
        />
      )}
    </section>
  );
}
