import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useParams } from "react-router";
import { meQuery } from "../api/session";
import { drainWorker, type Queue, type Worker, type WorkerStatus, workersQuery } from "../api/workers";
import { rememberWorkspace } from "../lib/last-workspace";
import { duration } from "../lib/time";
import { Confirm } from "../ui/confirm";
import { Button, Input } from "../ui/controls";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import { useUrlParams } from "../ui/use-url-params";
import css from "./workers.module.css";

/** Workers and queues of the installation: what waits, for how long, and who works. */
export function WorkersPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useUrlParams();
  const queries = useQueryClient();
  const status = useQuery(workersQuery(() => queries.getQueryData<WorkerStatus>(["workers"])));
  useEffect(() => rememberWorkspace(workspace), [workspace]);
  const query = (search.get("q") ?? "").toLowerCase();
  const { data } = status;
  const workers = (data?.workers ?? []).filter((each) => textOf(each).includes(query));
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Workers and queues</h1>
        <Input
          className={css.search}
          type="search"
          aria-label="Search workers"
          placeholder="Search workers"
          value={search.get("q") ?? ""}
          onChange={(event) => set("q", event.target.value)}
        />
      </div>
      {status.isPending && <Skeleton />}
      {status.error && <Failed error={status.error} retry={() => void status.refetch()} />}
      {data && (
        <>
          <Totals standing={data} />
          <Queues queues={data.queues} />
          <section className={css.section} aria-labelledby="workers">
            <h2 id="workers">Workers</h2>
            {workers.length === 0 && (
              <Empty title={data.workers.length === 0 ? "No worker is there" : "Nothing matches"}>
                <p>
                  {data.workers.length === 0
                    ? "Nothing runs until one is. Start it with orvanta worker, on any machine that reaches the database."
                    : `No worker has “${query}” in its name, group or queues.`}
                </p>
              </Empty>
            )}
            {workers.length > 0 && (
              <ul className={css.list} aria-label="Workers">
                {workers.map((each) => (
                  <WorkerRow key={each.id} worker={each} rate={data.rates[each.id]} />
                ))}
              </ul>
            )}
          </section>
        </>
      )}
    </main>
  );
}

const textOf = (each: Worker): string =>
  `${each.worker} ${each.worker_group} ${each.state} ${(each.custom_tags ?? ["every queue"]).join(" ")}`.toLowerCase();

function Totals({ standing: { workers, queues, rates } }: { standing: WorkerStatus }) {
  const live = workers.filter((each) => each.state === "live");
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
  const known = Object.values(rates);
  const oldest = Math.max(-1, ...queues.map((each) => each.oldest_s ?? -1));
  const facts: [string, string][] = [
    ["Workers", String(live.length)],
    ["Slots used", `${sum(live.map((each) => each.running))} of ${sum(live.map((each) => each.slots))}`],
    ["Jobs waiting", String(sum(queues.map((each) => each.waiting)))],
    ["Oldest waits", oldest < 0 ? "—" : duration(oldest * 1000)],
    ["Jobs a second", known.length === 0 ? "—" : sum(known).toFixed(1)],
  ];
  return (
    <dl className={css.totals}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Queues({ queues }: { queues: Queue[] }) {
  return (
    <section className={css.section} aria-labelledby="queues">
      <h2 id="queues">Queues</h2>
      {queues.length === 0 && <p className={css.soft}>Nothing waits or runs in any queue.</p>}
      {queues.length > 0 && (
        <ul className={css.list} aria-label="Queues">
          {queues.map((each) => (
            <li key={each.queue} className={css.queue}>
              <span className={css.name}>{each.queue}</span>
              {each.workers === 0 ? (
                <Status status="failed" word="no worker serves it" />
              ) : (
                <Status
                  status={each.waiting > 0 ? "waiting" : "running"}
                  word={`${each.workers} ${each.workers === 1 ? "worker" : "workers"}`}
                />
              )}
              <span className={css.fact}>{each.waiting} waiting</span>
              <span className={css.fact}>{each.running} running</span>
              <span className={css.fact}>
                {each.oldest_s === null ? "" : `oldest waits ${duration(each.oldest_s * 1000)}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const STATES: Record<string, [string, string]> = {
  live: ["succeeded", "live"],
  drained: ["waiting", "drained"],
  lost: ["failed", "lost"],
  stopped: ["skipped", "stopped"],
};

function WorkerRow({ worker, rate }: { worker: Worker; rate: number | undefined }) {
  const queries = useQueryClient();
  const admin = useQuery(meQuery).data?.superAdmin ?? false;
  const [asked, setAsked] = useState(false);
  const live = worker.state === "live";
  const [status, word] = STATES[live && worker.drained ? "drained" : worker.state] ?? ["unknown", worker.state];
  const drain = async (drained: boolean) => {
    try {
      await drainWorker(worker.id, drained);
      notify(drained ? `${worker.worker} takes no more jobs.` : `${worker.worker} takes jobs again.`);
    } catch (error) {
      notifyError(error);
    } finally {
      await queries.invalidateQueries({ queryKey: ["workers"] });
    }
  };
  return (
    <li className={css.worker}>
      <div className={css.heading}>
        <span className={css.name}>{worker.worker}</span>
        <Status status={status} word={word} />
        {live && admin && (
          <span className={css.tools}>
            {worker.drained ? (
              <Button icon="play" onClick={() => void drain(false)}>
                Take jobs again
              </Button>
            ) : (
              <Button icon="stop" onClick={() => setAsked(true)}>
                Drain …
              </Button>
            )}
          </span>
        )}
      </div>
      <div className={css.facts}>
        <span>
          <meter
            aria-label={`Slots used by ${worker.worker}`}
            min={0}
            max={worker.slots}
            value={Math.min(worker.running, worker.slots)}
          />{" "}
          {worker.running} of {worker.slots} slots
        </span>
        <span>{rate === undefined ? "" : `${rate.toFixed(1)} jobs a second`}</span>
        <span>{worker.jobs_executed} jobs in all</span>
        <span>last beat {duration(worker.last_ping * 1000)} ago</span>
        <span>
          started <Time at={worker.started_at} />
        </span>
        <span>{worker.custom_tags ? `queues ${worker.custom_tags.join(", ")}` : "every queue"}</span>
        <span>group {worker.worker_group}</span>
        <span>version {worker.wm_version}</span>
      </div>
      {asked && (
        <Confirm
          title={`Drain ${worker.worker}?`}
          confirmLabel="Drain it"
          close={() => setAsked(false)}
          onConfirm={() => void drain(true)}
        >
          <p>It takes no more jobs, until you let it or it is started anew. What it runs goes on to its end.</p>
        </Confirm>
      )}
    </li>
  );
}
