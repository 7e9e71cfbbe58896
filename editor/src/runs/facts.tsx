import { type ReactNode, useEffect, useState } from "react";
import { Link } from "react-router";
import type { RunAbout } from "../api/runs";
import { useEditor } from "../editor/context";
import { ENDED } from "../lib/status";
import { duration } from "../lib/time";
import { Time } from "../ui/time";
import { useRun } from "./context";
import css from "./page.module.css";

/** What is known of the run beside how it stands: version, who and what began it. */
export function RunFacts() {
  const { workspace, about } = useRun();
  const run = (id: string) => <Link to={`/w/${workspace}/runs/${id}`}>{id.slice(0, 13)}…</Link>;
  const cancelled = useEditor((editor) => editor.live?.graph?.canceled ?? false);
  return (
    <dl className={css.facts}>
      <Duration />
      <Fact name="Began">
        <Time at={about.created_at} />
      </Fact>
      {about.version && about.workflow && (
        <Fact name="Version">
          <Link to={versionAddress(workspace, about)}>{about.version.number}</Link>
          {!about.version.current && " (not the current one)"}
        </Fact>
      )}
      {!about.version && <Fact name="Version">not deployed</Fact>}
      <Fact name="By">
        {about.created_by}
        {about.permissioned_as !== `u/${about.created_by}` && ` as ${about.permissioned_as}`}
      </Fact>
      <Fact name="Trigger">
        {about.trigger}
        {about.schedule && ` ${about.schedule}`}
      </Fact>
      {about.parent && <Fact name="Called by">{run(about.parent)}</Fact>}
      {about.repeats && (
        <Fact name={about.repeats.kind === "rerun" ? "Runs again" : "Goes on from"}>
          {run(about.repeats.job)}
          {about.repeats.step_id && ` at ${about.repeats.step_id}`}
        </Fact>
      )}
      {cancelled && about.canceled_by && (
        <Fact name="Cancelled by">
          {about.canceled_by}
          {about.canceled_reason && `: ${about.canceled_reason}`}
        </Fact>
      )}
      {about.labels?.map((label) => (
        <Fact key={label} name="Label">
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

/** How long it has taken, or takes. */
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
  return <Fact name={over ? "Took" : "Takes"}>{duration(elapsed)}</Fact>;
}
