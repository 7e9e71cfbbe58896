import { useEditor } from "../editor/context";
import { isStatusKnown } from "../editor/run-watch";
import { useItemName } from "../kinds/item-link";
import { lazyComponent } from "../lib/lazy-component";
import { ENDED } from "../lib/status";
import { Link } from "../routing/link";
import { t } from "../texts/runs";
import { Status } from "../ui/status";
import { at, text } from "../workflow/types";
import { RunActions } from "./actions";
import { useRun } from "./context";
import { RunFacts } from "./facts";
import { RunFailure } from "./failure";
import css from "./page.module.css";
import { RunResult } from "./result";
import { RunWaitReasons } from "./wait-reasons";

const DryRunReport = lazyComponent(() => import("../dry-runs/report"));

/** Head of the page: name, status, facts, wait reasons, first error and actions of the run. */
export function RunHeader() {
  const { workspace, id, about } = useRun();
  const status = useEditor((editor) => editor.live?.status ?? "queued");
  const known = useEditor((editor) => isStatusKnown(editor.live));
  const cancelling = useEditor((editor) => (editor.live?.graph?.canceled ?? false) && status === "running");
  const connected = useEditor((editor) => editor.live?.connected ?? true);
  const ofWorkflow = useEditor(({ tree }) => text(at(tree, ["summary"])));
  const kind = about.is_workflow ? "flow" : "script";
  // The name of a workflow that was deployed as JSON is not in its document.
  const ofItem = useItemName({ workspace, kind, path: ofWorkflow ? "" : (about.workflow ?? "") });
  const summary = ofWorkflow || ofItem;
  const name = summary || about.workflow;
  const saved = about.workflow && about.version;
  return (
    <header>
      <div className={css.head}>
        <div className={css.title}>
          <h1>
            {known ? (
              <Status status={cancelling ? "cancelling" : status} />
            ) : (
              <Status status="pending" word={t("ui.loading")} />
            )}
            {saved ? (
              <Link to={`/w/${workspace}/${about.is_workflow ? "workflows" : "scripts"}/${about.workflow}`}>
                {name}
              </Link>
            ) : (
              (name ?? t(about.is_workflow ? "runs.workflowPreview" : "runs.scriptPreview"))
            )}
          </h1>
          <RunFacts named={summary !== ""} />
        </div>
        {!connected && (
          <p className={css.connectionLost} role="status">
            {t("runs.connectionLost")}
          </p>
        )}
        <RunActions />
      </div>
      <RunWaitReasons />
      <RunFailure />
      <RunResult />
      {about.trigger === "dry_run" && ENDED.has(status) && <DryRunReport workspace={workspace} run={id} />}
    </header>
  );
}
