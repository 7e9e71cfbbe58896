import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import {
  type Deployment,
  deploymentsQuery,
  type Environment,
  type EnvironmentState,
  environmentQuery,
  liftHold,
  openRequestsQuery,
  rollBack,
  waitingRequestsQuery,
} from "../api/environments";
import { errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import { Automatic } from "./automatic";
import { ComparedEnvironment } from "./compared-environment";
import { CheckState } from "./deployment-check";
import { EnvironmentActions } from "./edit-environment";
import css from "./environments.module.css";
import { frozenText } from "./frozen-hours-fields";
import { ByLine, bypassText, DriftList, PageError, ReleaseLink, RollbackNote } from "./parts";
import { rollbackTargets } from "./rollback-targets";

/** Name under which the platform itself sets a hold, after failed checks. */
const SYSTEM = "system";

/** Page of the environment of a workspace: its release, drift, open requests, history and rules. */
export function EnvironmentPage({ workspace }: { workspace: string }) {
  const state = useQuery(environmentQuery(workspace));
  if (state.isPending) return <Skeleton />;
  if (state.error) return <PageError workspace={workspace} error={state.error} retry={() => void state.refetch()} />;
  const { environment, current, current_unreadable: unreadable, drift } = state.data;
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{environment.name}</h1>
        <Link to={`/w/${workspace}/environments`}>{t("environments.title")}</Link>
        <EnvironmentActions environment={environment} />
      </div>
      <Hold workspace={workspace} state={state.data} />
      <section aria-label={t("environments.current")}>
        <h2>{t("environments.current")}</h2>
        {current ? (
          <p>
            <ReleaseLink source={current.source} number={current.number} />{" "}
            <ByLine at={current.applied_at} user={current.applied_by} />
          </p>
        ) : (
          <p>{t(unreadable ? "environments.currentUnreadable" : "environments.nothingDeployed")}</p>
        )}
        {current?.check && <CheckState check={current.check} />}
        <p className={css.soft}>{t("environments.driftCount", { count: drift.length })}</p>
        {drift.length > 0 && <DriftList items={drift} />}
      </section>
      <ComparedEnvironment state={state.data} />
      <Requests environment={environment} />
      <History workspace={workspace} state={state.data} />
      <Rules environment={environment} possibleApprovals={state.data.possible_approvals} />
      <Automatic workspace={workspace} state={state.data} />
    </main>
  );
}

function Hold({ workspace, state: { hold } }: { workspace: string; state: EnvironmentState }) {
  const queries = useQueryClient();
  const lifting = useMutation({
    mutationFn: () => liftHold(workspace),
    onError: notifyError,
    onSuccess: async () => {
      notify(t("environments.holdLifted"));
      await queries.invalidateQueries({ queryKey: ["environment", workspace] });
    },
  });
  if (!hold) return null;
  const { by: user, since, reason } = hold;
  return (
    <div className={css.warning} role="status">
      <strong>{t("environments.onHold")}</strong>{" "}
      {user === SYSTEM
        ? tWith("environments.holdChecks", { time: <Time at={since} /> }, { reason })
        : tWith("environments.holdText", { time: <Time at={since} /> }, { user, reason })}
      <div className={css.tools}>
        <Button disabled={lifting.isPending} onClick={() => lifting.mutate()}>
          {t("environments.liftHold")}
        </Button>
      </div>
    </div>
  );
}

function Requests({ environment: { workspace, name } }: { environment: Environment }) {
  const [waiting, setWaiting] = useState(false);
  const requests = useQuery(waiting ? waitingRequestsQuery(workspace) : openRequestsQuery(workspace));
  return (
    <section>
      <h2>{t("environments.openRequests")}</h2>
      <label className={css.check}>
        <input type="checkbox" checked={waiting} onChange={(event) => setWaiting(event.target.checked)} />
        <span>{t("environments.waitingForYou")}</span>
      </label>
      {requests.isPending && <Skeleton rows={2} />}
      {requests.error && <Failed error={requests.error} retry={() => void requests.refetch()} />}
      {requests.data?.length === 0 && <p className={css.soft}>{t("environments.openCount", { count: 0 })}</p>}
      {requests.data && requests.data.length > 0 && (
        <ul className={css.list} aria-label={t("environments.openRequests")}>
          {requests.data.map((each) => (
            <li key={each.id}>
              <Link className={css.what} to={`/w/${workspace}/environments/${name}/requests/${each.id}`}>
                {t(each.kind === "rollback" ? "environments.rollbackRequest" : "environments.request", { id: each.id })}
              </Link>
              <ReleaseLink source={each.source} number={each.number} />
              <ByLine at={each.created_at} user={each.author} />
              {each.assignees.length > 0 && (
                <span className={css.soft}>{t("environments.assignedTo", { users: each.assignees.join(", ") })}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function History({ workspace, state }: { workspace: string; state: EnvironmentState }) {
  const { environment, current_unreadable: unreadable } = state;
  const history = useInfiniteQuery(deploymentsQuery(workspace));
  const [target, setTarget] = useState<Deployment | null>(null);
  const deployments = history.data?.pages.flat() ?? [];
  const targets = rollbackTargets(deployments, unreadable);
  const isAutomatic = ({ request }: Deployment) =>
    deployments.some(({ check }) => check?.rollback === "done" && check.rollback_request === request);
  return (
    <section>
      <h2>{t("environments.history")}</h2>
      {history.isPending && <Skeleton rows={2} />}
      {history.error && <Failed error={history.error} retry={() => void history.refetch()} />}
      {history.data && deployments.length === 0 && <p className={css.soft}>{t("environments.noHistory")}</p>}
      {deployments.length > 0 && (
        <ul className={css.list} aria-label={t("environments.history")}>
          {deployments.map((each) => (
            <li key={each.id}>
              <div className={css.what}>
                <ReleaseLink source={each.source} number={each.number} />
                <div className={css.soft}>
                  <RequestLink workspace={workspace} environment={environment.name} deployment={each} />
                </div>
                {each.kind === "rollback" && (
                  <RollbackNote replaces={each.replaces} reason={isAutomatic(each) ? null : each.reason} />
                )}
                {each.bypass_reason && (
                  <div className={css.soft}>
                    {isAutomatic(each)
                      ? t("environments.rolledBack", { reason: each.bypass_reason })
                      : bypassText(each.bypassed, each.bypass_reason)}
                  </div>
                )}
                {each.check && <CheckState check={each.check} />}
              </div>
              <ByLine at={each.applied_at} user={each.applied_by} />
              {targets.has(each.id) && (
                <Button onClick={() => setTarget(each)}>{t("environments.rollBackTo", { number: each.number })}</Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {history.hasNextPage && (
        <div className={css.tools}>
          <Button disabled={history.isFetchingNextPage} onClick={() => void history.fetchNextPage()}>
            {t("environments.olderDeployments")}
          </Button>
        </div>
      )}
      {target && (
        <RollbackDialog workspace={workspace} environment={environment} target={target} close={() => setTarget(null)} />
      )}
    </section>
  );
}

interface RequestLinkProps {
  workspace: string;
  environment: string;
  deployment: Deployment;
}

/** Link to the request of a deployment, with its approvals and comments. */
function RequestLink({ workspace, environment, deployment: { kind, request } }: RequestLinkProps) {
  const name = kind === "rollback" ? t("environments.rollback") : t("environments.promotion");
  if (request === null) return <>{name}</>;
  return <Link to={`/w/${workspace}/environments/${environment}/requests/${request}`}>{name}</Link>;
}

interface RollbackProps {
  workspace: string;
  environment: Environment;
  target: Deployment;
  close: () => void;
}

function RollbackDialog({ workspace, environment, target, close }: RollbackProps) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [reason, setReason] = useState("");
  const rolling = useMutation({
    mutationFn: () => rollBack(workspace, reason, target.source, target.number),
    onSuccess: async ({ id }) => {
      await queries.invalidateQueries({ queryKey: ["environment", workspace] });
      await navigate(`/w/${workspace}/environments/${environment.name}/requests/${id}`);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    rolling.mutate();
  };
  return (
    <Dialog title={t("environments.rollBackTo", { number: target.number })} close={close}>
      <form className={css.form} onSubmit={submit}>
        <p className={dialogCss.description}>{t("environments.rollBackHint")}</p>
        <Field label={t("environments.reason")} error={rolling.isError ? errorText(rolling.error) : undefined}>
          <Input value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="danger" type="submit" disabled={rolling.isPending || !reason.trim()}>
            {t("environments.rollback")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function listed(
  label: "environments.approvers" | "environments.appliers" | "environments.bypassers",
  names?: string[],
) {
  return (names?.length ?? 0) > 0 && `${t(label)}: ${names?.join(", ")}`;
}

interface RulesProps {
  environment: Environment;
  /** Number of members who may approve. */
  possibleApprovals: number;
}

function Rules({ environment: { rules }, possibleApprovals }: RulesProps) {
  const shown = [
    t("environments.ruleApprovals", { count: rules.approvals ?? 0 }),
    (rules.soak_minutes ?? 0) > 0 && t("environments.ruleSoak", { count: rules.soak_minutes ?? 0 }),
    rules.workflow_tests === "pass" && t("environments.ruleTestsPass"),
    rules.workflow_tests === "require" && t("environments.ruleTestsRequire"),
    rules.refuse_direct_deploys && t("environments.ruleDirect"),
    rules.refuse_previews && t("environments.rulePreviews"),
    rules.permit_removals && t("environments.ruleRemovals"),
    rules.checks?.workflow_tests && t("environments.ruleCheckTests"),
    rules.checks?.smoke_run && t("environments.ruleSmokeRun", { path: rules.checks.smoke_run.path }),
    rules.on_failed_check === "hold" && t("environments.failedHold"),
    rules.on_failed_check === "rollback" && t("environments.failedRollback"),
    rules.author_may_approve && t("environments.authorMayApprove"),
    listed("environments.approvers", rules.approvers),
    listed("environments.appliers", rules.appliers),
    listed("environments.bypassers", rules.bypass),
    ...(rules.frozen_hours?.windows ?? []).map((window) => frozenText(window, rules.frozen_hours?.timezone ?? "UTC")),
  ].filter(Boolean);
  return (
    <section>
      <h2>{t("environments.rules")}</h2>
      {(rules.approvals ?? 0) > possibleApprovals && (
        <p className={css.warning} role="status">
          {t("environments.tooFewApprovers", { count: possibleApprovals, required: rules.approvals ?? 0 })}
        </p>
      )}
      <ul className={css.rules}>
        {shown.map((each) => (
          <li key={String(each)}>{each}</li>
        ))}
      </ul>
    </section>
  );
}
