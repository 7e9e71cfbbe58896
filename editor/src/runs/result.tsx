import { type RefObject, useEffect, useRef, useState } from "react";
import { useEditor } from "../editor/context";
import { t } from "../texts/runs";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import { useRun } from "./context";
import { RunValue } from "./data/value";
import css from "./result.module.css";

/** Result of a successful workflow run, above its graph. A large one is collapsed to its start. */
export function RunResult() {
  const { id, about, selection, select } = useRun();
  const value = useRef<HTMLElement>(null);
  const [expanded, setExpanded] = useState(false);
  const large = useIsLarge(value, expanded);
  const well = useEditor((editor) => editor.live?.status === "succeeded");
  if (!well || !about.is_workflow || selection.tab !== "graph") return null;
  return (
    <div className={css.result}>
      <h2>
        <Icon name="check" />
        {t("runs.result")}
      </h2>
      <section
        ref={value}
        className={css.value}
        data-expanded={expanded || undefined}
        aria-label={t("runs.resultStart")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long value is scrolled by keyboard
        tabIndex={0}
      >
        <RunValue name="Result" of={{ what: "result", job: id }} />
      </section>
      {(large || expanded) && (
        <Button look="quiet" aria-expanded={expanded} onClick={() => setExpanded(!expanded)}>
          {t(expanded ? "runs.collapse" : "runs.expand")}
        </Button>
      )}
      <Button look="quiet" onClick={() => select({ tab: "data", node: null })}>
        {t("runs.showAllData")}
      </Button>
    </div>
  );
}

/** Return whether the content of a box is higher than the box. The content is loaded, and its parts open and close. */
function useIsLarge(box: RefObject<HTMLElement | null>, expanded: boolean): boolean {
  const [large, setLarge] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element || expanded) return;
    const measure = () => setLarge(element.scrollHeight > element.clientHeight + 1);
    measure();
    const observer = new MutationObserver(measure);
    observer.observe(element, { childList: true, subtree: true });
    return () => observer.disconnect();
  });
  return large;
}
