import { yaml } from "@codemirror/lang-yaml";
import { syntaxHighlighting } from "@codemirror/language";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { COLOURS, LOOK } from "../inspector/code-look";
import css from "./versions.module.css";

const SAME = { margin: 3, minSize: 6 };
const BESIDE_FROM = 1100;

interface Props {
  before: string;
  after: string;
  /** In one, also where there is room for both. */
  joined?: boolean;
}

/** Two texts and what differs between them: beside each other where there is room, else in one. It is not written in. */
export default function TextDifference({ before, after, joined = false }: Props) {
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    const parent = place.current;
    if (!parent) return;
    const common = (label: string): Extension[] => [
      lineNumbers(),
      yaml(),
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
            a: { doc: before, extensions: common("Text before") },
            b: { doc: after, extensions: common("Text after") },
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
  }, [before, after, joined]);
  return <section ref={place} className={css.text} aria-label="Difference of the texts" />;
}
