import { syntaxHighlighting } from "@codemirror/language";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { t } from "../texts/code";
import css from "../versions/versions.module.css";
import { PHRASES } from "./phrases";
import { HIGHLIGHTING, LANGUAGES, THEME } from "./theme";

const COLLAPSE = { margin: 3, minSize: 6 };
const SIDE_BY_SIDE_FROM = 1100;
const TITLES = [t("code.before"), t("code.after")] as const;

interface Props {
  before: string;
  after: string;
  language?: string;
  /** The labels of the two texts. */
  titles?: readonly [string, string];
  /** True to show one column even if there is room for two. */
  unified?: boolean;
}

/** Two read-only texts with their differences, side by side if there is room, otherwise in one column. */
export default function TextDifference({ before, after, language = "yaml", titles = TITLES, unified = false }: Props) {
  const [first, second] = titles;
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const common = (label: string): Extension[] => [
      lineNumbers(),
      LANGUAGES[language]?.() ?? [],
      syntaxHighlighting(HIGHLIGHTING),
      EditorState.readOnly.of(true),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label }),
      PHRASES,
      THEME,
    ];
    const view =
      !unified && window.innerWidth >= SIDE_BY_SIDE_FROM
        ? new MergeView({
            parent,
            a: { doc: before, extensions: common(first) },
            b: { doc: after, extensions: common(second) },
            collapseUnchanged: COLLAPSE,
            gutter: true,
          })
        : new EditorView({
            parent,
            doc: after,
            extensions: [
              ...common(t("code.differences")),
              unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: COLLAPSE }),
            ],
          });
    return () => view.destroy();
  }, [before, after, language, first, second, unified]);
  return <section ref={place} className={css.text} aria-label={t("code.comparison")} />;
}
