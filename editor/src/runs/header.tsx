import { useEffect, useState } from "react";
import { Link } from "react-router";
import { useEditor } from "../editing/context";
import { ENDED } from "../lib/state";
import { duration } from "../lib/time";
import { Time } from "../ui/time";
import { useRun } from "./context";
import css from "./page.module.css";
import { Status } from "./status";

/** What run it is, how it stands, what can be done with it. */
export function RunHeader() {
  const { workspace, about } = useRun();
  const status = useEditor((editor) => editor.live?.status ?? "queued");
  const heard = useEditor((editor) => editor.live?.heard ?? true);
  return (
    <header className={css.head}>
      <div className={css.title}>
        <h1>
          <Status status={status} /> {about.workflow ?? "A script that was not saved"}
        </h1>
        <dl className={css.facts}>
          <Took />
          <Fact name="Began">
            <Time at={about.created_at} />
          </Fact>
          {about.version && (
            <Fact name="Version">
              <Link to={versionAddress(workspace, about)}>{about.version.number}</Link>
              {!about.version.current && " (not the current one)"}
            </Fact>
          )}
          <Fact name="By">{about.created_by}</Fact>
        </dl>
      </div>
      {!heard && (
        <p className={css.lost} role="status">
          The server is not heard; it is tried again.
        </p>
      )}
    </header>
  );
}

export function versionAddress(workspace: string, about: ReturnType<typeof useRun>["about"]): string {
  if (!about.is_workflow) return `/w/${workspace}/scripts/${about.workflow}`;
  return `/w/${workspace}/workflows/${about.workflow}?view=versions&after=${about.version?.id}`;
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const TICK_MS = 500;

/** How long it has taken, or takes. */
function Took() {
  const graph = useEditor((editor) => editor.live?.graph);
  const status = useEditor((editor) => editor.live?.status ?? "queued");
  const over = ENDED.has(status);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [over]);
  if (!graph?.started_at) return null;
  const took = over && graph.duration_ms != null ? graph.duration_ms : Math.max(0, now - Date.parse(graph.started_at));
  return <Fact name="Took">{duration(took)}</Fact>;
}
