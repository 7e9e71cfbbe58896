import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { flowExistsQuery, type Overview, overviewQuery } from "../api/overview";
import { toRunRow } from "../api/run-list";
import { rememberWorkspace } from "../lib/last-workspace";
import { Button, IconButton, LinkButton } from "../ui/controls";
import { Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import css from "./home.module.css";

const EXAMPLE = "f/examples/order_processing";
const HIDDEN_KEY = "orvanta.first-hidden";
const LIMIT = 50;

/** What a person looks at first: what failed, what waits for them, what runs, what comes next. */
export function HomePage() {
  const { workspace = "" } = useParams();
  const navigate = useNavigate();
  const overview = useQuery(overviewQuery(workspace));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Home</h1>
        <LinkButton icon="flow" to={`/w/${workspace}/workflows`}>
          All workflows
        </LinkButton>
        <Button look="main" icon="plus" onClick={() => void navigate(`/w/${workspace}/workflows?new=1`)}>
          New workflow
        </Button>
      </div>
      <FirstVisit workspace={workspace} />
      {overview.isPending && <Skeleton />}
      {overview.error && <Failed error={overview.error} retry={() => void overview.refetch()} />}
      {overview.data && <Cards workspace={workspace} overview={overview.data} />}
    </main>
  );
}

/** For those who are new: a workflow to run. It can be put away. */
function FirstVisit({ workspace }: { workspace: string }) {
  const there = useQuery(flowExistsQuery(workspace, EXAMPLE));
  const [hidden, setHidden] = useState(() => localStorage.getItem(HIDDEN_KEY) !== null);
  if (hidden || !there.data) return null;
  const hide = () => {
    localStorage.setItem(HIDDEN_KEY, "1");
    setHidden(true);
  };
  return (
    <section className={css.firstVisit} aria-label="Start here">
      <div>
        <h2>See a workflow run</h2>
        <p>Python, TypeScript and Bash turn an order into an invoice. Start it and watch each node.</p>
      </div>
      <LinkButton look="main" icon="play" to={`/w/${workspace}/workflows/${EXAMPLE}?panel=test`}>
        Run order_processing
      </LinkButton>
      <LinkButton to={`/w/${workspace}/workflows/${EXAMPLE}`}>Open it</LinkButton>
      <IconButton label="Do not show this again" icon="cross" onClick={hide} />
    </section>
  );
}

function Cards({ workspace, overview }: { workspace: string; overview: Overview }) {
  const { failed, waiting, running, coming } = overview;
  const base = `/w/${workspace}`;
  return (
    <div className={css.cards}>
      <Card
        title="What failed"
        all="Failed runs"
        to={`${base}/runs?state=failed`}
        emptyText="Nothing in the last 7 days."
      >
        {failed.map(({ path = "", runs, last }) => (
          <Line key={path} to={`${base}/runs/${last.id}`} name={path || "A preview"} at={last.created_at}>
            <Status status="failed" word={runs === 1 ? "failed" : `failed ${runs} times`} />
          </Line>
        ))}
      </Card>
      <Card
        title="What waits for you"
        count={overview.waiting_runs}
        all="Approvals"
        to={`${base}/approvals`}
        emptyText="Nobody asks you for a yes or no."
      >
        {waiting.map((each) => (
          <Line
            key={each.job}
            to={`${base}/approvals?q=${encodeURIComponent(each.path ?? each.node)}`}
            name={each.path ?? "A preview"}
            detail={each.message ?? each.node}
            at={each.opened_at}
          >
            <Status status="awaiting_approval" word="waits for you" />
          </Line>
        ))}
      </Card>
      <Card
        title="What runs"
        count={overview.running_runs}
        all="Runs under way"
        to={`${base}/runs?state=queued,running`}
        emptyText="Nothing is under way."
      >
        {running.map(toRunRow).map((run) => (
          <Line
            key={run.id}
            to={`${base}/runs/${run.id}`}
            name={run.path || "A preview"}
            detail={run.why}
            at={run.started_at ?? run.created_at}
          >
            <Status status={run.status} />
          </Line>
        ))}
      </Card>
      <Card
        title="What comes next"
        all="Schedules"
        to={`${base}/schedules`}
        emptyText="No schedule ticks in the next 7 days."
      >
        {coming.map((tick) => (
          <Line
            key={`${tick.path} ${tick.tick_at}`}
            to={`${base}/schedules?q=${encodeURIComponent(tick.path)}`}
            name={tick.script_path}
            detail={tick.path}
            at={tick.tick_at}
            ahead
          >
            <Status status="queued" word="scheduled" />
          </Line>
        ))}
      </Card>
    </div>
  );
}

interface CardProps {
  title: string;
  count?: number;
  /** The link to all of it. */
  all: string;
  to: string;
  emptyText: string;
  children: ReactNode[];
}

function Card({ title, count = 0, all, to, emptyText, children }: CardProps) {
  return (
    <section className={css.card} aria-label={title}>
      <div className={css.title}>
        <h2>
          {title} {count > 0 && <span className={css.count}>{count >= LIMIT ? `${LIMIT} or more` : count}</span>}
        </h2>
        <Link to={to}>{all}</Link>
      </div>
      {children.length === 0 ? <p className={css.empty}>{emptyText}</p> : <ul className={css.list}>{children}</ul>}
    </section>
  );
}

interface LineProps {
  to: string;
  name: string;
  detail?: string;
  at: string;
  ahead?: boolean;
  children: ReactNode;
}

function Line({ to, name, detail = "", at, ahead = false, children }: LineProps) {
  return (
    <li className={css.line}>
      <span className={css.name}>
        <Link to={to}>{name}</Link>
        {detail && <span className={css.detail}>{detail}</span>}
      </span>
      <span className={css.status}>
        {children}
        <span className={css.when}>
          <Time at={at} ahead={ahead} />
        </span>
      </span>
    </li>
  );
}
