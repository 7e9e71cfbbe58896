import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { meQuery } from "../api/session";
import { drainWorker, type Queue, type Worker, type WorkerStatus, workersQuery } from "../api/workers";
import { lazyComponent } from "../lib/lazy-component";
import { duration } from "../lib/time";
import { useParams } from "../routing/hooks";
import { LOCALE } from "../texts/language";
import { t, tWith } from "../texts/workers";
import { Confirm } from "../ui/confirm";
import { Button, Input } from "../ui/controls";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify, notifyError } from "../ui/toasts";
import { useUrlParams } from "../ui/use-url-params";
import { Charts } from "./charts";
import { Groups } from "./groups";
import { RaisedAlerts } from "./raised-alerts";
import css from "./workers.module.css";

const ReferencesDialog = lazyComponent(() => import("../references/dialog"));

const WORKER_COMMAND = "orvanta worker";
const RATE = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Workers and queues of the installation, with waiting jobs and used slots. */
export function WorkersPage() {
  const { workspace = "" } = useParams();
  const [search, set] = useUrlParams();
  const queries = useQueryClient();
  const superAdmin = useQuery(meQuery).data?.superAdmin ?? false;
  const status = useQuery(workersQuery(() => queries.getQueryData<WorkerStatus>(["workers"])));
  const query = (search.get("q") ?? "").toLowerCase();
  const { data } = status;
  const workers = (data?.workers ?? []).filter((each) => textOf(each).includes(query));
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>{t("workers.title")}</h1>
        <Input
          className={css.search}
          type="search"
          aria-label={t("workers.search")}
          placeholder={t("workers.search")}
          value={search.get("q") ?? ""}
          onChange={(event) => set("q", event.target.value)}
        />
      </div>
      {superAdmin && <RaisedAlerts workspace={workspace} />}
      {status.isPending && <Skeleton />}
      {status.error && <Failed error={status.error} retry={() => void status.refetch()} />}
      {data && (
        <>
          <Totals status={data} />
          <Charts workspace={workspace} />
          <Queues workspace={workspace} queues={data.queues} />
          <section className={css.section} aria-labelledby="workers">
            <h2 id="workers">{t("workers.workers")}</h2>
            {workers.length === 0 && (
              <Empty title={data.workers.length === 0 ? t("workers.none") : t("ui.noMatches")}>
                <p>
                  {data.workers.length === 0
                    ? tWith("workers.noneHint", { command: <code>{WORKER_COMMAND}</code> })
                    : t("workers.noMatch", { query })}
                </p>
              </Empty>
            )}
            {workers.length > 0 && (
              <ul className={css.list} aria-label={t("workers.workers")}>
                {workers.map((each) => (
                  <WorkerRow key={each.id} worker={each} rate={data.rates[each.id]} />
                ))}
              </ul>
            )}
          </section>
          <Groups />
        </>
      )}
    </main>
  );
}

const textOf = (each: Worker): string =>
  `${each.worker} ${each.worker_group} ${each.state} ${(each.custom_tags ?? [t("workers.allQueues")]).join(" ")}`.toLowerCase();

function Totals({ status: { workers, queues, rates } }: { status: WorkerStatus }) {
  const live = workers.filter((each) => each.state === "live");
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
  const known = Object.values(rates);
  const oldest = Math.max(-1, ...queues.map((each) => each.oldest_s ?? -1));
  const facts: [string, string][] = [
    [t("workers.workers"), String(live.length)],
    [
      t("workers.slotsInUse"),
      t("workers.slotsOf", { used: sum(live.map((each) => each.running)), total: sum(live.map((each) => each.slots)) }),
    ],
    [t("workers.jobsWaiting"), String(sum(queues.map((each) => each.waiting)))],
    [t("workers.longestWait"), oldest < 0 ? "—" : duration(oldest * 1000)],
    [t("workers.jobsPerSecond"), known.length === 0 ? "—" : RATE.format(sum(known))],
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

function Queues({ workspace, queues }: { workspace: string; queues: Queue[] }) {
  const [shown, setShown] = useState<string | null>(null);
  const [name, setName] = useState("");
  const find = (event: FormEvent) => {
    event.preventDefault();
    setShown(name.trim());
  };
  return (
    <section className={css.section} aria-labelledby="queues">
      <div className={css.head}>
        <h2 id="queues">{t("workers.queues")}</h2>
        <form className={css.find} onSubmit={find}>
          <Input
            aria-label={t("workers.queueName")}
            placeholder={t("workers.queueName")}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Button type="submit" icon="link" disabled={!name.trim()}>
            {t("workers.uses")}
          </Button>
        </form>
      </div>
      {queues.length === 0 && <p className={css.soft}>{t("workers.queuesEmpty")}</p>}
      {queues.length > 0 && (
        <ul className={css.list} aria-label={t("workers.queues")}>
          {queues.map((each) => (
            <li key={each.queue} className={css.queue}>
              <span className={css.name}>
                {each.queue}{" "}
                <Button
                  look="quiet"
                  icon="link"
                  aria-label={t("workers.usesOf", { queue: each.queue })}
                  onClick={() => setShown(each.queue)}
                >
                  {t("workers.uses")}
                </Button>
              </span>
              {each.workers === 0 ? (
                <Status status="failed" word={t("workers.noWorker")} />
              ) : (
                <Status
                  status={each.waiting > 0 ? "waiting" : "running"}
                  word={t("workers.servedBy", { count: each.workers })}
                />
              )}
              <span className={css.fact}>{t("workers.waitingCount", { count: each.waiting })}</span>
              <span className={css.fact}>{t("workers.runningCount", { count: each.running })}</span>
              <span className={css.fact}>
                {each.oldest_s === null ? "" : t("workers.longestWaitOf", { duration: duration(each.oldest_s * 1000) })}
              </span>
            </li>
          ))}
        </ul>
      )}
      {shown && <ReferencesDialog workspace={workspace} kind="queue" path={shown} close={() => setShown(null)} />}
    </section>
  );
}

const STATES: Record<string, [string, string]> = {
  live: ["succeeded", t("workers.live")],
  drained: ["waiting", t("workers.drained")],
  lost: ["failed", t("workers.lost")],
  stopped: ["skipped", t("workers.stopped")],
};

function queuesText({ custom_tags: queues }: Worker): string {
  if (!queues) return t("workers.allQueues");
  return queues.length === 0 ? t("workers.excluded") : t("workers.queuesOf", { names: queues.join(", ") });
}

function WorkerRow({ worker, rate }: { worker: Worker; rate: number | undefined }) {
  const queries = useQueryClient();
  const admin = useQuery(meQuery).data?.superAdmin ?? false;
  const [confirming, setConfirming] = useState(false);
  const live = worker.state === "live";
  const [status, word] = STATES[live && worker.drained ? "drained" : worker.state] ?? ["unknown", worker.state];
  const drain = async (drained: boolean) => {
    try {
      await drainWorker(worker.id, drained);
      const name = { worker: worker.worker };
      notify(drained ? t("workers.drainedWorker", name) : t("workers.resumedWorker", name));
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
                {t("workers.resume")}
              </Button>
            ) : (
              <Button icon="stop" onClick={() => setConfirming(true)}>
                {t("workers.drainStart")}
              </Button>
            )}
          </span>
        )}
      </div>
      <div className={css.facts}>
        <span>
          <meter
            aria-label={t("workers.slotsUsedBy", { worker: worker.worker })}
            min={0}
            max={worker.slots}
            value={Math.min(worker.running, worker.slots)}
          />{" "}
          {t("workers.slots", { used: worker.running, total: worker.slots })}
        </span>
        <span>{rate === undefined ? "" : t("workers.rate", { rate: RATE.format(rate) })}</span>
        <span>{t("workers.jobsTotal", { count: worker.jobs_executed })}</span>
        <span>{t("workers.heartbeat", { duration: duration(worker.last_ping * 1000) })}</span>
        <span>{tWith("workers.started", { time: <Time at={worker.started_at} /> })}</span>
        <span>{queuesText(worker)}</span>
        <span>{t("workers.group", { name: worker.worker_group })}</span>
        <span>{t("workers.version", { version: worker.wm_version })}</span>
      </div>
      {confirming && (
        <Confirm
          title={t("workers.drainTitle", { worker: worker.worker })}
          confirmLabel={t("workers.drain")}
          close={() => setConfirming(false)}
          onConfirm={() => void drain(true)}
        >
          <p>{t("workers.drainHint")}</p>
        </Confirm>
      )}
    </li>
  );
}
