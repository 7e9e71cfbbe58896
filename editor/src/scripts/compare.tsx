import { syntaxHighlighting } from "@codemirror/language";
import { MergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { COLOURS, LANGUAGES, LOOK } from "../inspector/code-look";

interface Props {
  language: string;
  before: { title: string; text: string };
  after: { title: string; text: string };
}

const MARGIN = 3;
const SHORTEST = 6;

/** Two texts beside each other, with what differs marked and what does not folded. */
export default function Compare({ language, before, after }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const side = ({ title, text }: Props["before"]): { doc: string; extensions: Extension[] } => ({
      doc: text,
      extensions: [
        lineNumbers(),
        syntaxHighlighting(COLOURS),
        LANGUAGES[language]?.() ?? [],
        EditorState.readOnly.of(true),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": title }),
        LOOK,
      ],
    });
    const view = new MergeView({
      parent: place.current,
      a: side(before),
      b: side(after),
      collapseUnchanged: { margin: MARGIN, minSize: SHORTEST },
    });
    return () => view.destroy();
  }, [language, before, after]);
  return <div ref={place} />;
}
