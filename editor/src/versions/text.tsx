import { syntaxHighlighting } from "@codemirror/language";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { COLOURS, LANGUAGES, LOOK } from "../inspector/code-look";
import css from "./versions.module.css";

const SAME = { margin: 3, minSize: 6 };
const BESIDE_FROM = 1100;
const TITLES = ["Text before", "Text after"] as const;

interface Props {
  before: string;
  after: string;
  language?: string;
  /** What the two are called. */
  titles?: readonly [string, string];
  /** In one, also where there is room for both. */
  joined?: boolean;
}

/** Two texts and what differs between them: beside each other where there is room, else in one. It is not written in. */
export default function TextDifference({ before, after, language = "yaml", titles = TITLES, joined = false }: Props) {
  const [first, second] = titles;
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const common = (label: string): Extension[] => [
      lineNumbers(),
      LANGUAGES[language]?.() ?? [],
      syntaxHighlighting(COLOURS),
      EditorState.readOnly.of(true),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label }),
      LOOK,
    ];
    const view =
      !joined && window.innerWidth >= BESIDE_FROM
        ? new MergeView({
            parent,
            a: { doc: before, extensions: common(first) },
            b: { doc: after, extensions: common(second) },
            collapseUnchanged: SAME,
            gutter: true,
          })
        : new EditorView({
            parent,
            doc: after,
            extensions: [
              ...common("Text with what differs"),
              unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: SAME }),
            ],
          });
    return () => view.destroy();
  }, [before, after, language, first, second, joined]);
  return <section ref={place} className={css.text} aria-label="Difference of the texts" />;
}
