import { useEditor, useEditorStore } from "../editor/context";
import { select } from "../editor/store";
import css from "../ui/panel.module.css";
import { Empty, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import runs from "../ui/status.module.css";

/** What the server would say of the workflow if it were deployed now. */
export function ProblemsPanel() {
  const store = useEditorStore();
  const problems = useEditor((editor) => editor.problems);
  const parseError = useEditor((editor) => editor.pending);
  if (parseError) {
    return (
      <Empty title="The YAML cannot be read">
        <p>
          Line {parseError.line}: {parseError.fault}
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
