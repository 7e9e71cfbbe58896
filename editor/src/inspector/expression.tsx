import { useCallback, useRef, useState } from "react";
import { LazyCode } from "../code/lazy-code";
import { t } from "../texts/inspector";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { complete } from "../workflow/completion";
import { isExampleText } from "../workflow/examples";
import { pathOf, preview, type Source, valueAt } from "../workflow/scope";
import type { Path } from "../workflow/types";
import { DataPicker } from "./data-picker";
import { useProblemsAt, useSources } from "./use-sources";

interface Props {
  node: string;
  label: string;
  text: string;
  /** The path of the field in the document. */
  path: Path;
  set: (text: string) => void;
}

/** An expression, with completion and a picker of real data, and the problems of the server at their lines. */
export function Expression({ node, label, text, path, set }: Props) {
  const sources = useSources(node);
  const faults = useProblemsAt(path);
  const insert = useRef<((text: string) => void) | null>(null);
  const [picking, setPicking] = useState(false);
  const completionsFor = useCallback((before: string) => complete(sources, before), [sources]);
  return (
    <>
      <LazyCode
        label={label}
        language="javascript"
        text={text}
        changed={set}
        lines={1.6}
        complete={completionsFor}
        diagnostics={faults}
        insert={insert}
      />
      <div className={css.below}>
        <Button look="quiet" icon="search" aria-expanded={picking} onClick={() => setPicking(!picking)}>
          {t("inspector.pickData")}
        </Button>
      </div>
      {picking && (
        <DataPicker
          sources={sources}
          // An example is replaced as a whole.
          insert={(expr) => (insert.current && !isExampleText(text) ? insert.current(expr) : set(expr))}
          close={() => setPicking(false)}
        />
      )}
    </>
  );
}

/** A reference to the output of another node or the input of the workflow, selected from the data. */
export function Connection({ node, label, text, set }: Omit<Props, "path">) {
  const sources = useSources(node);
  const [picking, setPicking] = useState(text === "");
  const value = lastValue(sources, text);
  const text_shown = text || t("inspector.selectData");
  return (
    <>
      <button
        type="button"
        className={css.connection}
        aria-label={`${label}: ${text_shown} ${preview(value)}`.trim()}
        aria-expanded={picking}
        onClick={() => setPicking(!picking)}
      >
        <Icon name="link" size={14} />
        <code>{text_shown}</code>
        <span className={css.help}>{preview(value)}</span>
      </button>
      {picking && (
        <DataPicker
          sources={sources}
          insert={(expr) => {
            set(expr);
            setPicking(false);
          }}
          close={() => setPicking(false)}
        />
      )}
    </>
  );
}

/** Return the last value of a reference. */
function lastValue(sources: readonly Source[], text: string) {
  const path = pathOf(text);
  const source = sources.find(
    (each) => text === each.expr || (text.startsWith(each.expr) && /^[.[]/.test(text.slice(each.expr.length))),
  );
  if (!path || !source) return undefined;
  return valueAt(source.value, path.slice(pathOf(source.expr)?.length ?? 0));
}
