import { useEditor } from "../editor/context";
import { t } from "../texts/runs";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import { useRun } from "./context";
import { RunValue } from "./data/value";
import css from "./result.module.css";

/** Start of the result of a successful workflow run, above its graph. */
export function RunResult() {
  const { id, about, selection, select } = useRun();
  const well = useEditor((editor) => editor.live?.status === "succeeded");
  if (!well || !about.is_workflow || selection.tab !== "graph") return null;
  return (
    <div className={css.result}>
      <h2>
        <Icon name="check" />
        {t("runs.result")}
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long value is scrolled by keyboard */}
      <section className={css.value} aria-label={t("runs.resultStart")} tabIndex={0}>
        <RunValue name="Result" of={{ what: "result", job: id }} />
      </section>
      <Button look="quiet" onClick={() => select({ tab: "data", node: null })}>
        {t("runs.showAllData")}
      </Button>
    </div>
  );
}
