import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  applyRequest,
  approveRequest,
  type BlockingReason,
  commentRequest,
  type Decision,
  type DetailedRequest,
  type Environment,
  environmentQuery,
  type PlanEntry,
  rejectRequest,
  renewRequest,
  requestQuery,
  withdrawRequest,
} from "../api/environments";
import { isNamed, ownMemberQuery } from "../api/members";
import { kindName } from "../kinds/kind-name";
import { errorText } from "../lib/api-error";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { ApplyDialog } from "./apply-dialog";
import { Assignees } from "./assignees";
import { CheckResults } from "./deployment-check";
import css from "./environments.module.css";
import { mendPage } from "./mend-page";
import { DriftList, EnvironmentBadge, ItemList, ReleaseLink } from "./parts";
import { PlanEntries } from "./plan-entries";
import { useChange } from "./use-change";

const STATES = {
  open: t("environments.stateOpen"),
  applied: t("environments.stateApplied"),
  rejected: t("environments.stateRejected"),
  withdrawn: t("environments.stateWithdrawn"),
};

/** Page of a request to deploy a release: its plan, what prevents it, approvals and comments. */
export function RequestPage({ workspace, id }: { workspace: string; id: string }) {
  const request = useQuery(requestQuery(workspace, Number(id)));
  const environment = useQuery(environmentQuery(workspace)).data?.environment;
  if (request.error) return <Failed error={request.error} retry={() => void request.refetch()} />;
  if (!request.data || !environment) return <Skeleton />;
  const { number, source, state, author, created_at: at, notes, plan, decisions } = request.data;
  const { closed_by: closedBy, closed_at: closedAt } = request.data;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("environments.requestTitle", { id, number, environment: environment.name })}</h1>
        <span className={css.badge}>{STATES[state]}</span>
        <EnvironmentBadge environment={environment} />
      </div>
      <p>
        <ReleaseLink source={source} number={number} />{" "}
        <span className={css.soft}>
          {tWith("environments.requestedBy", { time: <Time at={at} /> }, { user: author })}
        </span>
      </p>
      <p className={css.soft}>
        {plan.origin
          ? t("environments.originFile", plan.origin)
          : t("environments.originWorkspace", { workspace: source })}
      </p>
      {closedBy && closedAt && (
        <p className={css.soft}>
          {tWith("environments.closedBy", { time: <Time at={closedAt} /> }, { state: STATES[state], user: closedBy })}
        </p>
      )}
      {notes && <p className={css.notes}>{notes}</p>}
      <Assignees workspace={workspace} request={request.data} />
      {request.data.unable_approvers.length > 0 && (
        <p className={css.warning} role="status">
          {t("environments.unableApprovers", { users: request.data.unable_approvers.join(", ") })}
        </p>
      )}
      <Stale workspace={workspace} request={request.data} />
      {state === "open" && (
        <>
          <PlanEntries
            workspace={workspace}
            request={request.data.id}
            entries={plan.entries}
            owners={plan.acts_for}
            inUse={plan.in_use}
            comments={decisions.filter((each) => each.item_kind)}
          />
          {plan.drift.length > 0 && (
            <section>
              <h2>{t("environments.drift")}</h2>
              <DriftList items={plan.drift} />
            </section>
          )}
          <Reasons workspace={workspace} source={source} title={t("environments.blocked")} reasons={plan.blocked} />
          <Reasons
            workspace={workspace}
            source={source}
            title={t("environments.unfulfilled")}
            reasons={plan.unfulfilled}
          />
          {plan.blocked.length + plan.unfulfilled.length === 0 && <p>{t("environments.ready")}</p>}
        </>
      )}
      {state === "applied" && <Verification entries={plan.entries} />}
      {request.data.check && (
        <CheckResults workspace={workspace} environment={environment.name} check={request.data.check} />
      )}
      <Decisions decisions={decisions} plan={request.data.plan_hash} />
      <Actions environment={environment} request={request.data} />
    </main>
  );
}

/** Comparison of the environment with an applied release, as it is now. */
function Verification({ entries }: { entries: readonly PlanEntry[] }) {
  const differing = entries.filter((each) => each.action !== "unchanged");
  if (differing.length === 0) return <p>{t("environments.verified", { count: entries.length })}</p>;
  return (
    <section>
      <h2>{t("environments.differsNow")}</h2>
      <ItemList label={t("environments.differsNow")} items={differing} />
    </section>
  );
}

function Stale({ workspace, request }: { workspace: string; request: DetailedRequest }) {
  const changing = useChange(workspace);
  const { id, stale, state, overwrite, plan } = request;
  const conflicts = plan.entries.some((each) => each.action === "conflict");
  if (state !== "open" || !(stale || conflicts)) return null;
  const renew = (replaces: boolean) => changing.mutate(() => renewRequest(workspace, id, replaces));
  return (
    <div className={css.warning} role="status">
      {stale && t("environments.stale")}
      <div className={css.tools}>
        {stale && (
          <Button disabled={changing.isPending} onClick={() => renew(overwrite)}>
            {t("environments.renew")}
          </Button>
        )}
        {conflicts && (
          <Button disabled={changing.isPending} onClick={() => renew(true)}>
            {t("environments.overwrite")}
          </Button>
        )}
      </div>
      {changing.isError && <p role="alert">{errorText(changing.error)}</p>}
    </div>
  );
}

interface ReasonsProps {
  workspace: string;
  /** Workspace of the release, which has the tests of its workflows. */
  source: string;
  title: string;
  reasons: BlockingReason[];
}

function Reasons({ workspace, source, title, reasons }: ReasonsProps) {
  if (reasons.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <ul className={css.list} aria-label={title}>
        {reasons.map((reason) => {
          const { code, message, hint, kind, path } = reason;
          const to = mendPage(reason, workspace, source);
          return (
            <li key={`${code} ${kind} ${path} ${message}`}>
              <div className={css.what}>
                {message}
                <div className={css.soft}>{hint}</div>
              </div>
              {to && path && <Link to={to}>{mendText(code, path)}</Link>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function mendText(code: string, path: string): string {
  if (code === "queue_without_worker") return t("environments.mendWorkers");
  if (code === "identity_disabled") return t("environments.mendMembers");
  return t("environments.mend", { path });
}

function Decisions({ decisions, plan }: { decisions: readonly Decision[]; plan: string }) {
  const text = ({ decision, plan_hash: hash, username: user, created_at: at }: Decision) => {
    const key = {
      approved: hash === plan ? "environments.approved" : "environments.approvedOther",
      rejected: "environments.rejected",
      comment: "environments.commented",
    } as const;
    return tWith(key[decision], { time: <Time at={at} /> }, { user });
  };
  return (
    <section>
      <h2>{t("environments.decisions")}</h2>
      {decisions.length === 0 && <p className={css.soft}>{t("environments.noDecisions")}</p>}
      {decisions.length > 0 && (
        <ul className={css.list} aria-label={t("environments.decisions")}>
          {decisions.map((each) => (
            <li key={`${each.created_at} ${each.username} ${each.decision} ${each.item_path}`}>
              <div className={css.what}>
                {text(each)}
                {each.item_kind && (
                  <span className={css.soft}>
                    {" "}
                    {kindName(each.item_kind)} {each.item_path}
                  </span>
                )}
                {each.comment && <div className={css.notes}>{each.comment}</div>}
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Actions({ environment, request }: { environment: Environment; request: DetailedRequest }) {
  const { workspace } = environment;
  const [applying, setApplying] = useState(false);
  const [comment, setComment] = useState("");
  const [reason, setReason] = useState("");
  const changing = useChange(workspace, () => setComment(""));
  const me = useQuery(ownMemberQuery(workspace)).data;
  const { id, state, plan, stale, plan_hash: hash } = request;
  const change = (work: () => Promise<void>) => () => changing.mutate(work);
  const open = state === "open";
  const mayBypass = me !== undefined && isNamed(me, environment.rules.bypass);
  const busy = changing.isPending;
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
      {open && plan.unfulfilled.length > 0 && mayBypass && (
        <Field label={t("environments.bypass")} help={t("environments.bypassHint")}>
          <Input value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
      )}
      {changing.isError && <p role="alert">{errorText(changing.error)}</p>}
      <div className={css.tools}>
        <Button disabled={busy || !comment.trim()} onClick={change(() => commentRequest(workspace, id, comment))}>
          {t("environments.sendComment")}
        </Button>
        {open && (
          <>
            <Button
              icon="check"
              disabled={busy || stale}
              onClick={change(() => approveRequest(workspace, id, hash, comment))}
            >
              {t("environments.approve")}
            </Button>
            <Button
              look="main"
              icon="deploy"
              disabled={busy || stale || plan.blocked.length > 0 || (plan.unfulfilled.length > 0 && !reason.trim())}
              onClick={() => setApplying(true)}
            >
              {t("environments.apply")}
            </Button>
            <Button look="danger" disabled={busy} onClick={change(() => rejectRequest(workspace, id, comment))}>
              {t("environments.reject")}
            </Button>
            <Button look="quiet" disabled={busy} onClick={change(() => withdrawRequest(workspace, id))}>
              {t("environments.withdraw")}
            </Button>
          </>
        )}
      </div>
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
