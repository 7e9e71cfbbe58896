import { useEditor, useEditorStore } from "../editing/context";
import { select } from "../editing/store";
import css from "../inspector/inspector.module.css";
import { Status } from "../runs/status";
import runs from "../runs/status.module.css";
import { Empty, Skeleton } from "../ui/states";

/** What the server would say of the workflow if it were deployed now. */
export function ProblemsPanel() {
  const store = useEditorStore();
  const problems = useEditor((editor) => editor.problems);
  const pending = useEditor((editor) => editor.pending);
  if (pending) {
    return (
      <Empty title="The YAML cannot be read">
        <p>
          Line {pending.line}: {pending.fault}
        </p>
      </Empty>
    );
  }
  if (problems === null) return <Skeleton />;
  if (problems.length === 0) {
    return (
      <Empty title="No problems">
        <p>The workflow can be deployed.</p>
      </Empty>
    );
  }
  return (
    <div className={css.pane}>
      <h2>Problems</h2>
      <ul className={runs.nodes}>
        {problems.map((each) => (
          <li key={`${each.code}${each.path}${each.message}`}>
            <button
              type="button"
              className={runs.node}
              style={{ alignItems: "flex-start" }}
              onClick={() => {
                if (!each.node) return store.setState({ panel: "yaml" });
                select(store, [each.node]);
                store.setState({ panel: "node" });
              }}
            >
              <span style={{ whiteSpace: "normal", overflowWrap: "anywhere" }}>
                {each.message}
                <br />
                <code>{each.node ?? each.path}</code>
              </span>
              <Status status={each.severity === "error" ? "failed" : "waiting"} word={each.severity} />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
