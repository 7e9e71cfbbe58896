import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { approvalsQuery, decide, type WaitingApproval } from "../../api/approvals";
import { sentence } from "../../api/client";
import { Status } from "../../runs/status";
import { Button, Field } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Time } from "../../ui/time";
import { say } from "../../ui/toasts";
import css from "./approvals.module.css";
import { FormFields, startOf } from "./fields";

/** Something that is asked: what, by whom, until when; for who may decide with the form and both buttons. */
export function Card({ workspace, asked }: { workspace: string; asked: WaitingApproval }) {
  const name = asked.path ?? "A preview";
  return (
    <li className={css.card}>
      <div className={css.what}>
        <Link className={css.name} to={`/w/${workspace}/runs/${asked.run}`}>
          {name}
        </Link>
        <code>{asked.node}</code>
        <Status status="awaiting_approval" word={asked.mine ? "waits for you" : "waits for others"} />
      </div>
      {asked.message && <p className={css.message}>{asked.message}</p>}
      <p className={css.facts}>
        Started by {asked.created_by}, asked <Time at={asked.opened_at} />
        {asked.due_at && (
          <>
            , to be answered <Time at={asked.due_at} ahead />
          </>
        )}
        {asked.required > 1 && <>, {asked.required} must agree</>}
        {asked.approvers.length > 0 && <>; asked are {asked.approvers.join(", ")}</>}
      </p>
      {asked.said.length > 0 && (
        <ul className={css.said} aria-label="Said so far">
          {asked.said.map((each) => (
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
      {asked.mine && <Deciding workspace={workspace} asked={asked} />}
    </li>
  );
}

/** The form of what is asked, and both buttons. */
export function Deciding({ workspace, asked }: { workspace: string; asked: WaitingApproval }) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Record<string, string>>(() => startOf(asked.fields));
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const answer = async (approved: boolean) => {
    setBusy(true);
    setFault("");
    try {
      await decide(workspace, asked, { approved, reason: reason.trim(), fields: typed });
      say(approved ? "Your yes is recorded." : "Your no is recorded.");
    } catch (error) {
      setFault(sentence(error));
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
      {fault && (
        <p className={css.fault} role="alert">
          {fault}
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
