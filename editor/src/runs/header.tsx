import { Link } from "react-router";
import { useEditor } from "../editor/context";
import { Status } from "../ui/status";
import { RunActions } from "./actions";
import { useRun } from "./context";
import { RunFacts } from "./facts";
import { RunFailure } from "./failure";
import css from "./page.module.css";
import { RunResult } from "./result";
import { RunWaitReasons } from "./wait-reasons";

/** What run it is, how it stands and why it waits, what can be done with it. */
export function RunHeader() {
  const { workspace, about } = useRun();
  const status = useEditor((editor) => editor.live?.status ?? "queued");
  const cancelling = useEditor((editor) => (editor.live?.graph?.canceled ?? false) && status === "running");
  const heard = useEditor((editor) => editor.live?.connected ?? true);
  const saved = about.workflow && about.version;
  return (
    <header>
      <div className={css.head}>
        <div className={css.title}>
          <h1>
            <Status status={status} {...(cancelling ? { word: "cancelling" } : {})} />
            {saved ? (
              <Link to={`/w/${workspace}/${about.is_workflow ? "workflows" : "scripts"}/${about.workflow}`}>
                {about.workflow}
              </Link>
            ) : (
              (about.workflow ??
              (about.is_workflow ? "A workflow that is not deployed" : "A script that is not deployed"))
            )}
          </h1>
          <RunFacts />
        </div>
        {!heard && (
          <p className={css.connectionLost} role="status">
            The server is not heard; it is tried again.
          </p>
        )}
        <RunActions />
      </div>
      <RunWaitReasons />
      <RunFailure />
      <RunResult />
    </header>
  );
}
