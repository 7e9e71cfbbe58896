import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { getFlow } from "../api/flows";
import { flowExistsQuery, type Overview, overviewQuery } from "../api/overview";
import { failedRuns } from "../api/run-filter";
import { anyRunQuery, toRunRow } from "../api/run-list";
import { startFlow } from "../api/runs";
import { useNavigate, useParams } from "../routing/hooks";
import { t } from "../texts/home";
import { EditButton, RunButton } from "../ui/access-buttons";
import { IconButton, LinkButton } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { notifyError } from "../ui/toasts";
import { exampleOf } from "../workflow/example";
import type { Json } from "../workflow/types";
import { Card, joined, Line, named } from "./card";
import css from "./home.module.css";
import { HealthCard, RecentCard } from "./item-cards";
import { RunChart } from "./run-chart";

const EXAMPLE = "f/examples/order_processing";
const HIDDEN_KEY = "orvanta.first-hidden";

/** Home page: runs over time, failed, active and upcoming runs, approvals of the user, health of workflows. */
export function HomePage() {
  const { workspace = "" } = useParams();
  const navigate = useNavigate();
  const overview = useQuery(overviewQuery(workspace));
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("home.title")}</h1>
        <LinkButton icon="flow" to={`/w/${workspace}/workflows`}>
          {t("home.allWorkflows")}
        </LinkButton>
        <EditButton look="main" icon="plus" onClick={() => void navigate(`/w/${workspace}/workflows?new=1`)}>
          {t("home.newWorkflow")}
        </EditButton>
      </div>
      <FirstVisit workspace={workspace} />
      <RunChart workspace={workspace} />
      {overview.isPending && <Skeleton />}
      {overview.error && <Failed error={overview.error} retry={() => void overview.refetch()} />}
      {overview.data && <Cards workspace={workspace} overview={overview.data} />}
    </main>
  );
}

/** Example workflow for new users, until something has run in the workspace. It can be dismissed. */
function FirstVisit({ workspace }: { workspace: string }) {
  const there = useQuery(flowExistsQuery(workspace, EXAMPLE));
  const ran = useQuery(anyRunQuery(workspace));
  const navigate = useNavigate();
  const [hidden, setHidden] = useState(() => localStorage.getItem(HIDDEN_KEY) !== null);
  const starting = useMutation({
    mutationFn: async () => {
      const flow = await getFlow(workspace, EXAMPLE);
      return startFlow(workspace, EXAMPLE, exampleOf(flow.schema as Json | undefined) ?? {});
    },
    onError: notifyError,
    onSuccess: (run) => navigate(`/w/${workspace}/runs/${run}`),
  });
  const hide = () => {
    localStorage.setItem(HIDDEN_KEY, "1");
    setHidden(true);
  };
  if (hidden || !there.data || ran.data !== false) return null;
  return (
    <section className={css.firstVisit} aria-label={t("home.start")}>
      <div>
        <h2>{t("home.startTitle")}</h2>
        <p>{t("home.startText")}</p>
      </div>
      <RunButton look="main" disabled={starting.isPending} onClick={() => starting.mutate()}>
        {t("home.runExample")}
      </RunButton>
      <LinkButton to={`/w/${workspace}/workflows/${EXAMPLE}`}>{t("home.openExample")}</LinkButton>
      <IconButton label={t("home.dismiss")} icon="cross" onClick={hide} />
    </section>
  );
}

function Cards({ workspace, overview }: { workspace: string; overview: Overview }) {
  const { failed, waiting, deployments, running, coming, unreadable_requests: unreadable } = overview;
  const base = `/w/${workspace}`;
  return (
    <div className={css.cards}>
      <Card
        title={t("home.failed")}
        all={t("home.failedAll")}
        to={failedRuns(workspace)}
        emptyText={t("home.failedNone")}
      >
        {failed.map(({ path, runs, last }) => (
          <Line key={path} to={`${base}/runs/${last.id}`} {...named(last.script_summary, path)} at={last.created_at}>
            <Status status="failed" word={t("home.failedTimes", { count: runs })} />
          </Line>
        ))}
      </Card>
      <Card
        title={t("home.waiting")}
        count={overview.waiting_runs + overview.deployment_requests}
        all={t("home.waitingAll")}
        to={`${base}/approvals`}
        emptyText={t("home.waitingNone")}
      >
        {[
          ...waiting.map((each) => (
            <Line
              key={each.job}
              to={`${base}/approvals?q=${encodeURIComponent(each.path ?? each.node)}`}
              {...named(each.summary, each.path, each.message ?? each.node)}
              at={each.opened_at}
            >
              <Status status="awaiting_approval" />
            </Line>
          )),
          ...deployments.map(({ id, kind, environment, source, number, author, reason, created_at: at }) => (
            <Line
              key={id}
              to={`${base}/environments/${environment}/requests/${id}`}
              name={t(kind === "rollback" ? "home.rollback" : "home.deployment", { source, number, environment })}
              detail={joined(t("home.requestedBy", { user: author }), reason)}
              at={at}
            >
              <Status status="awaiting_approval" />
            </Line>
          )),
          ...(unreadable > 0
            ? [
                <li key="unreadable" className={css.empty}>
                  {t("home.unreadableRequests", { count: unreadable })}
                </li>,
              ]
            : []),
        ]}
      </Card>
      <Card
        title={t("home.running")}
        count={overview.running_runs}
        all={t("home.runningAll")}
        to={`${base}/runs?state=queued,running`}
        emptyText={t("home.runningNone")}
      >
        {running.map(toRunRow).map((run) => (
          <Line
            key={run.id}
            to={`${base}/runs/${run.id}`}
            {...named(run.summary, run.path, run.why)}
            at={run.started_at ?? run.created_at}
          >
            <Status status={run.status} />
          </Line>
        ))}
      </Card>
      <Card
        title={t("home.upcoming")}
        all={t("home.upcomingAll")}
        to={`${base}/schedules`}
        emptyText={t("home.upcomingNone")}
      >
        {coming.map((tick) => (
          <Line
            key={`${tick.path} ${tick.tick_at}`}
            to={`${base}/schedules?q=${encodeURIComponent(tick.path)}`}
            name={tick.script_summary || tick.script_path}
            detail={tick.path}
            at={tick.tick_at}
            ahead
          >
            <Status status="scheduled" />
          </Line>
        ))}
      </Card>
      <HealthCard workspace={workspace} />
      <RecentCard workspace={workspace} />
    </div>
  );
}
