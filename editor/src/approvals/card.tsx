import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { approvalsQuery, decide, type WaitingApproval } from "../api/approvals";
import { overviewQuery } from "../api/overview";
import { errorText } from "../lib/api-error";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/approvals";
import { Button, Field } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import css from "./approvals.module.css";
import { confirmRejection } from "./confirm-rejection";
import { FormFields, initialValues } from "./form-fields";
import { ApprovalRequest } from "./request";

interface CardProps {
  workspace: string;
  approval: WaitingApproval;
  /** Called after the user has decided. */
  decided: () => void;
}

/** Card of an open approval, with the form for members who may decide. */
export function ApprovalCard({ workspace, approval, decided }: CardProps) {
  const { path, summary } = approval;
  const [decision, setDecision] = useState<"approved" | "rejected" | null>(null);
  return (
    <li className={css.card} data-decided={decision ?? undefined}>
      <div className={css.heading}>
        <Link className={css.name} to={`/w/${workspace}/runs/${approval.run}`}>
          {summary || path || t("approvals.preview")}
        </Link>
        {summary && <code className={css.soft}>{path}</code>}
        <code>{approval.node}</code>
        {decision ? (
          <Status status={decision === "approved" ? "succeeded" : "failed"} word={t(`approvals.${decision}`)} />
        ) : (
          <Status
            status="awaiting_approval"
            word={t(approval.mine ? "approvals.awaitingYou" : "approvals.awaitingOthers")}
          />
        )}
      </div>
      <ApprovalRequest approval={approval} />
      <p className={css.facts}>
        {t("approvals.startedBy", { user: approval.created_by })}
        {" · "}
        {tWith("approvals.requested", { time: <Time key="time" at={approval.opened_at} /> })}
        {approval.due_at && (
          <>
            {" · "}
            {tWith("approvals.due", { time: <Time key="time" at={approval.due_at} ahead /> })}
          </>
        )}
        {approval.required > 1 && ` · ${t("approvals.requiredCount", { count: approval.required })}`}
        {approval.approvers.length > 0 && ` · ${t("approvals.approvers", { names: approval.approvers.join(", ") })}`}
      </p>
      {approval.said.length > 0 && (
        <ul className={css.decisions} aria-label={t("approvals.decisions")}>
          {approval.said.map((each) => (
            <li key={`${each.approver} ${each.at}`}>
              <Status
                status={each.approved ? "succeeded" : "failed"}
                word={t(each.approved ? "approvals.approvedBy" : "approvals.rejectedBy", { user: each.approver })}
              />{" "}
              <Time at={each.at} /> {each.reason}
            </li>
          ))}
        </ul>
      )}
      {approval.mine && (
        <DecisionForm
          workspace={workspace}
          approval={approval}
          decided={(approved) => {
            setDecision(approved ? "approved" : "rejected");
            decided();
          }}
        />
      )}
    </li>
  );
}

interface FormProps {
  workspace: string;
  approval: WaitingApproval;
  /** Called after the user has decided. */
  decided?: (approved: boolean) => void;
}

/** Form of an approval with the buttons to approve and reject. After the decision it is disabled. */
export function DecisionForm({ workspace, approval, decided }: FormProps) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Record<string, string>>(() => initialValues(approval.fields));
  const [reason, setReason] = useState("");
  const [error, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const [isDecided, setDecided] = useState(false);
  const isClosed = busy || isDecided;
  const answer = async (approved: boolean) => {
    setBusy(true);
    setFault("");
    try {
      await decide(workspace, approval, { approved, reason: reason.trim(), fields: typed });
      setDecided(true);
      decided?.(approved);
      notify(t(approved ? "approvals.approved" : "approvals.rejected"));
    } catch (error) {
      setFault(errorText(error));
    } finally {
      setBusy(false);
      // The overview has the number of open approvals.
      void queries.invalidateQueries(overviewQuery(workspace));
      await queries.invalidateQueries(approvalsQuery(workspace));
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void answer(true);
  };
  return (
    <form className={css.form} onSubmit={submit} aria-label={t("approvals.decide", { node: approval.node })}>
      <fieldset className={css.fields} disabled={isDecided}>
        <FormFields id={approval.job} fields={approval.fields} typed={typed} set={setTyped} />
        <Field label={t("approvals.reason")}>
          <textarea
            className={`${controls.input} ${css.reason}`}
            rows={1}
            maxLength={2000}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
      </fieldset>
      {error && (
        <p className={css.error} role="alert">
          {withCode(error)}
        </p>
      )}
      <div className={css.buttons}>
        <Button
          look="main"
          icon="check"
          type="submit"
          title={t("approvals.approveHint", { node: approval.node })}
          disabled={isClosed}
        >
          {t("approvals.approve")}
        </Button>
        {!approval.hide_cancel && (
          <Button
            look="danger"
            icon="cross"
            title={t("approvals.rejectHint", { node: approval.node })}
            disabled={isClosed}
            onClick={async () => (await confirmRejection(approval.node)) && (await answer(false))}
          >
            {t("approvals.reject")}
          </Button>
        )}
      </div>
    </form>
  );
}
