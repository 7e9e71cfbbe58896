import type { Problem } from "../api/validation";
import { useEditorStore } from "../editor/context";
import { type EditorStore, select } from "../editor/store";
import { t } from "../texts/actions";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { withCode } from "../ui/with-code";
import { problemText } from "../workflow/problem-text";

/** Select the node of a problem; if it has none, show the document. */
export function showProblem(store: EditorStore, { node }: Problem): void {
  if (node) select(store, [node]);
  store.setState({ panel: node ? "node" : "yaml" });
}

/** Problems, each with a link to its node. `shown`: called after a link was followed. */
export function ProblemList({ problems, shown }: { problems: readonly Problem[]; shown: () => void }) {
  const store = useEditorStore();
  return (
    <ul className={css.problems}>
      {problems.map((each) => (
        <li key={each.path + each.message} className={css.problem} data-severity={each.severity}>
          <Icon name="warn" size={12} />
          <button
            type="button"
            className={css.problemLink}
            onClick={() => {
              showProblem(store, each);
              shown();
            }}
          >
            {each.node ?? t("actions.document")}
          </button>
          <span>{withCode(problemText(each.message))}</span>
        </li>
      ))}
    </ul>
  );
}
