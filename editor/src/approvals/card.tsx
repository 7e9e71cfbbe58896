import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { approvalsQuery, decide, type WaitingApproval } from "../api/approvals";
import { errorText } from "../api/client";
import { Button, Field } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import css from "./approvals.module.css";
import { FormFields, initialValues } from "./form-fields";

/** Something that is asked: what, by whom, until when; for who may decide with the form and both buttons. */
export function ApprovalCard({ workspace, asked: approval }: { workspace: string; asked: WaitingApproval }) {
  const name = approval.path ?? "A preview";
  return (
    <li className={css.card}>
      <div className={css.heading}>
        <Link className={css.name} to={`/w/${workspace}/runs/${approval.run}`}>
          {name}
        </Link>
        <code>{approval.node}</code>
        <Status status="awaiting_approval" word={approval.mine ? "waits for you" : "waits for others"} />
      </div>
      {approval.message && <p className={css.message}>{approval.message}</p>}
      <p className={css.facts}>
        Started by {approval.created_by}, asked <Time at={approval.opened_at} />
        {approval.due_at && (
          <>
            , to be answered <Time at={approval.due_at} ahead />
          </>
        )}
        {approval.required > 1 && <>, {approval.required} must agree</>}
        {approval.approvers.length > 0 && <>; asked are {approval.approvers.join(", ")}</>}
      </p>
      {approval.said.length > 0 && (
        <ul className={css.decisions} aria-label="Said so far">
          {approval.said.map((each) => (
            <li key={`${each.approver} ${each.at}`}>
              <Status
                status={each.approved ? "succeeded" : "failed"}
                word={`${each.approved ? "approved" : "rejected"} by ${each.approver}`}
              />{" "}
              <Time at={each.at} /> {each.reason}
            </li>
          ))}
        </ul>
      )}
      {approval.mine && <DecisionForm workspace={workspace} asked={approval} />}
    </li>
  );
}

/** The form of what is asked, and both buttons. */
export function DecisionForm({ workspace, asked }: { workspace: string; asked: WaitingApproval }) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Record<string, string>>(() => initialValues(asked.fields));
  const [reason, setReason] = useState("");
  const [error, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const answer = async (approved: boolean) => {
    setBusy(true);
    setFault("");
    try {
      await decide(workspace, asked, { approved, reason: reason.trim(), fields: typed });
      notify(approved ? "Your yes is recorded." : "Your no is recorded.");
    } catch (error) {
      setFault(errorText(error));
    } finally {
      setBusy(false);
      await queries.invalidateQueries(approvalsQuery(workspace));
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void answer(true);
  };
  return (
    <form className={css.form} onSubmit={submit} aria-label={`Decide ${asked.node}`}>
      <FormFields id={asked.job} fields={asked.fields} typed={typed} set={setTyped} />
      <Field label="Reason (optional)">
        <textarea
          className={`${controls.input} ${css.reason}`}
          rows={1}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
      <div className={css.buttons}>
        <Button look="main" icon="check" type="submit" disabled={busy}>
          Approve
        </Button>
        {!asked.hide_cancel && (
          <Button look="danger" icon="cross" disabled={busy} onClick={() => void answer(false)}>
            Reject
          </Button>
        )}
      </div>
    </form>
  );
}
