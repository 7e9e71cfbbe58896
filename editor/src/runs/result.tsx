import { useEditor } from "../editor/context";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import { useRun } from "./context";
import { RunValue } from "./data/value";
import css from "./result.module.css";

/** Of a workflow's run that went well what it gave, above its graph: how it begins, the rest in the data. */
export function RunResult() {
  const { id, about, selection, select } = useRun();
  const well = useEditor((editor) => editor.live?.status === "succeeded");
  if (!well || !about.is_workflow || selection.tab !== "graph") return null;
  return (
    <div className={css.result}>
      <h2>
        <Icon name="check" />
        Result
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long value is scrolled by keyboard */}
      <section className={css.value} aria-label="How the result begins" tabIndex={0}>
        <RunValue label="Result" of={{ what: "result", job: id }} />
      </section>
      <Button look="quiet" onClick={() => select({ tab: "data", node: null })}>
        All data
      </Button>
    </div>
  );
}
