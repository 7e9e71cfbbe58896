import { FixButtons } from "../actions/fix-buttons";
import { showProblem } from "../actions/problem-list";
import { useEditor, useEditorStore } from "../editor/context";
import { t } from "../texts/panels";
import css from "../ui/panel.module.css";
import { Empty, Skeleton } from "../ui/states";
import { Status } from "../ui/status";
import runs from "../ui/status.module.css";
import { withCode } from "../ui/with-code";
import { problemText } from "../workflow/problem-text";

/** The problems that the server finds in the document on the page. */
export function ProblemsPanel() {
  const store = useEditorStore();
  const problems = useEditor((editor) => editor.problems);
  const parseError = useEditor((editor) => editor.pending);
  if (parseError) {
    return (
      <Empty title={t("panels.invalidYaml")}>
        <p>{t("panels.lineError", { line: parseError.line, error: parseError.fault })}</p>
      </Empty>
    );
  }
  if (problems === null) return <Skeleton />;
  if (problems.length === 0) {
    return (
      <Empty title={t("panels.noProblems")}>
        <p>{t("panels.deployable")}</p>
      </Empty>
    );
  }
  return (
    <div className={css.pane}>
      <h2>{t("panels.problems")}</h2>
      <ul className={runs.nodes}>
        {problems.map((each) => (
          <li key={`${each.code}${each.path}${each.message}`}>
            <button
              type="button"
              className={runs.node}
              style={{ alignItems: "flex-start" }}
              onClick={() => showProblem(store, each)}
            >
              <span style={{ whiteSpace: "normal", overflowWrap: "anywhere" }}>
                {withCode(problemText(each.message))}
                <br />
                <code>{each.node ?? each.path}</code>
              </span>
              {each.severity === "error" ? (
                <Status status="failed" word={t("ui.error")} />
              ) : (
                <Status status="waiting" icon="warn" word={t("panels.warning")} />
              )}
            </button>
            <FixButtons problem={each} />
          </li>
        ))}
      </ul>
    </div>
  );
}
