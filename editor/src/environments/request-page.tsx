import { useQuery } from "@tanstack/react-query";
import {
  type BlockingReason,
  type Decision,
  type DetailedRequest,
  environmentQuery,
  type PlanEntry,
  renewRequest,
  requestQuery,
} from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/environments";
import { Button } from "../ui/controls";
import { Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { Assignees } from "./assignees";
import { CheckResults } from "./deployment-check";
import css from "./environments.module.css";
import { mendPage } from "./mend-page";
import {
  bypassText,
  DriftList,
  EnvironmentBadge,
  ItemList,
  PageError,
  Refusal,
  ReleaseLink,
  RollbackNote,
} from "./parts";
import { PlanEntries } from "./plan-entries";
import { reasonText } from "./reason-text";
import { Actions } from "./request-actions";
import { useChange } from "./use-change";

const STATES = {
  open: t("environments.stateOpen"),
  applied: t("environments.stateApplied"),
  rejected: t("environments.stateRejected"),
  withdrawn: t("environments.stateWithdrawn"),
};

const TITLES = { promotion: "environments.requestTitle", rollback: "environments.rollbackTitle" } as const;

/** Page of a request to deploy a release: its plan, what prevents it, approvals and comments. */
export function RequestPage({ workspace, id }: { workspace: string; id: string }) {
  const request = useQuery(requestQuery(workspace, Number(id)));
  const environment = useQuery(environmentQuery(workspace)).data?.environment;
  if (request.error) {
    return <PageError workspace={workspace} error={request.error} retry={() => void request.refetch()} />;
  }
  if (!request.data || !environment) return <Skeleton />;
  const { kind, number, source, state, author, created_at: at, notes, plan, decided, decisions } = request.data;
  const { closed_by: closedBy, closed_at: closedAt, replaces, reason, bypass_reason: bypass, bypassed } = request.data;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t(TITLES[kind], { id, number, environment: environment.name })}</h1>
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
      {kind === "rollback" && <RollbackNote replaces={replaces} reason={reason} />}
      {bypass && <p className={css.soft}>{bypassText(bypassed, bypass)}</p>}
      {notes && kind === "promotion" && <p className={css.notes}>{notes}</p>}
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
      {decided && (
        <PlanEntries
          workspace={workspace}
          request={request.data.id}
          title={t(state === "applied" ? "environments.appliedPlan" : "environments.closedPlan")}
          hint={t("environments.decidedHint")}
          entries={decided}
          comments={decisions.filter((each) => each.item_kind)}
        />
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
  const { id, stale, state, overwrite, plan, permitted } = request;
  const refusal = permitted.includes("change") ? undefined : t("environments.mayNotChange");
  const conflicts = plan.entries.some((each) => each.action === "conflict");
  if (state !== "open" || !(stale || conflicts)) return null;
  const renew = (replaces: boolean) => changing.mutate(() => renewRequest(workspace, id, replaces));
  return (
    <div className={css.warning} role="status">
      {stale && <p>{t("environments.stale")}</p>}
      {conflicts && <p>{t("environments.conflictHint")}</p>}
      <div className={css.tools}>
        {stale && (
          <Button disabled={changing.isPending || !!refusal} title={refusal} onClick={() => renew(overwrite)}>
            {t("environments.renew")}
          </Button>
        )}
        {conflicts && (
          <Button disabled={changing.isPending || !!refusal} title={refusal} onClick={() => renew(true)}>
            {t("environments.overwrite")}
          </Button>
        )}
      </div>
      {changing.isError && <Refusal error={changing.error} />}
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
          const { code, message, kind, path } = reason;
          const { text, hint } = reasonText(reason);
          const to = mendPage(reason, workspace, source);
          return (
            <li key={`${code} ${kind} ${path} ${message}`}>
              <div className={css.what}>
                {text}
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
  if (code === "variable_missing" || code === "resource_missing") return t("environments.mendMissing", { path });
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
