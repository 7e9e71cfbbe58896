import { type ReactNode, useEffect, useState } from "react";
import { isTest } from "../api/run-filter";
import type { RunAbout } from "../api/runs";
import { useEditor } from "../editor/context";
import { ENDED } from "../lib/status";
import { duration } from "../lib/time";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/runs";
import { CopyButton } from "../ui/copy-button";
import { Time } from "../ui/time";
import { useRun } from "./context";
import css from "./page.module.css";
import { triggerName } from "./trigger-name";

/** Facts of the run: id, duration, version, user, trigger and related runs. `named`: the head shows a name, not the path. */
export function RunFacts({ named }: { named: boolean }) {
  const { workspace, id, about } = useRun();
  const run = (id: string) => (
    <Link key={id} to={`/w/${workspace}/runs/${id}`}>
      {id.slice(0, 13)}…
    </Link>
  );
  const version = (
    <Link key="version" to={versionAddress(workspace, about)}>
      {about.version?.number}
    </Link>
  );
  const cancelled = useEditor((editor) => editor.live?.graph?.canceled ?? false);
  return (
    <dl className={css.facts}>
      {named && about.workflow && (
        <Fact name={t("ui.path")}>
          <code>{about.workflow}</code>
        </Fact>
      )}
      <Fact name={t("runs.id")}>
        <code title={id}>{id.slice(0, 13)}…</code>
        <CopyButton label={t("runs.copyId")} text={id} className={css.copy} />
      </Fact>
      <Duration />
      <Fact name={t("runs.created")}>
        <Time at={about.created_at} />
      </Fact>
      {about.version && about.workflow && (
        <Fact name={t("runs.version")}>{about.version.current ? version : tWith("runs.notCurrent", { version })}</Fact>
      )}
      {!about.version && (
        <Fact name={t("runs.version")}>{t(isTest(about.kind) ? "runs.test" : "runs.notDeployed")}</Fact>
      )}
      <Fact name={t("runs.startedBy")}>
        {about.permissioned_as === `u/${about.created_by}`
          ? about.created_by
          : t("runs.runsAs", { user: about.created_by, identity: about.permissioned_as })}
      </Fact>
      <Fact name={t("runs.trigger")}>
        {triggerName(about.trigger)}
        {about.schedule && ` ${about.schedule}`}
      </Fact>
      {about.parent && <Fact name={t("runs.calledBy")}>{run(about.parent)}</Fact>}
      {about.repeats && (
        <Fact name={t(about.repeats.kind === "rerun" ? "runs.rerunOf" : "runs.restartedFrom")}>
          {about.repeats.step_id
            ? tWith("runs.runAtNode", { run: run(about.repeats.job) }, { node: about.repeats.step_id })
            : run(about.repeats.job)}
        </Fact>
      )}
      {cancelled && about.canceled_by && (
        <Fact name={t("runs.cancelledBy")}>
          {about.canceled_by}
          {about.canceled_reason && `: ${about.canceled_reason}`}
        </Fact>
      )}
      {about.labels?.map((label) => (
        <Fact key={label} name={t("runs.label")}>
          {label}
        </Fact>
      ))}
    </dl>
  );
}

function versionAddress(workspace: string, about: RunAbout): string {
  if (!about.is_workflow) return `/w/${workspace}/scripts/${about.workflow}?tab=versions`;
  return `/w/${workspace}/workflows/${about.workflow}?view=versions&after=${about.version?.id}`;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const TICK_MS = 500;

/** Duration of the run, which grows until the run ends. */
function Duration() {
  const graph = useEditor((editor) => editor.live?.graph);
  const over = useEditor((editor) => ENDED.has(editor.live?.status ?? "queued"));
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [over]);
  if (!graph?.started_at) return null;
  const elapsed =
    over && graph.duration_ms != null ? graph.duration_ms : Math.max(0, now - Date.parse(graph.started_at));
  return <Fact name={t("runs.duration")}>{duration(elapsed)}</Fact>;
}
