import {
  autocompletion,
  type Completion,
  type CompletionContext,
  closeBrackets,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { sql } from "@codemirror/lang-sql";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  StreamLanguage,
  syntaxHighlighting,
} from "@codemirror/language";
import { go } from "@codemirror/legacy-modes/mode/go";
import { ruby } from "@codemirror/legacy-modes/mode/ruby";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

const LANGUAGES: Record<string, () => Extension> = {
  python3: python,
  bun: () => javascript({ typescript: true }),
  deno: () => javascript({ typescript: true }),
  nativets: () => javascript({ typescript: true }),
  javascript: () => javascript(),
  json,
  yaml,
  postgresql: () => sql(),
  duckdb: () => sql(),
  mysql: () => sql(),
  bash: () => StreamLanguage.define(shell),
  go: () => StreamLanguage.define(go),
  ruby: () => StreamLanguage.define(ruby),
};

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null], color: "var(--accent-text)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: tags.number, color: "var(--busy)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.definition(tags.variableName)], color: "var(--busy)" },
]);

const LOOK = EditorView.theme({
  "&": { fontSize: "0.8125rem", color: "var(--text)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--soft)", border: "none" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "var(--accent-wash) !important" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-wash)", color: "var(--text)" },
});

export interface CodeProps {
  label: string;
  language: string;
  text: string;
  changed: (text: string) => void;
  lines?: number;
  numbers?: boolean;
  /** Words that are offered where somebody writes `results.` and the like. */
  offers?: readonly string[];
  faults?: readonly { line: number; message: string; severity: "error" | "warning" }[];
}

/** Code that is written: its text comes from outside and goes there at each change. */
export default function Code(props: CodeProps) {
  const { label, language, text, lines = 3, numbers = false, faults } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const now = useRef(props);
  now.current = props;

  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: now.current.text,
        extensions: [
          ...(numbers ? [lineNumbers(), lintGutter()] : []),
          history(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightSelectionMatches(),
          autocompletion({
            override:
              language === "javascript"
                ? [(context) => offered(context, now.current.offers ?? [])]
                : (undefined as never),
          }),
          syntaxHighlighting(COLOURS),
          LANGUAGES[language]?.() ?? [],
          keymap.of([
            ...defaultKeymap,
            ...historyKeymap,
            ...completionKeymap,
            ...searchKeymap,
            ...(numbers ? [indentWithTab] : []),
          ]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((each) => each.isUserEvent("outside"))) {
              now.current.changed(update.state.doc.toString());
            }
          }),
          LOOK,
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [language, label, numbers]);

  useEffect(() => {
    const shown = view.current;
    if (!shown || shown.state.doc.toString() === text) return;
    shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: text }, userEvent: "outside" });
  }, [text]);

  useEffect(() => {
    const shown = view.current;
    if (!shown) return;
    const found = (faults ?? []).map((fault): Diagnostic => {
      const line = shown.state.doc.line(Math.min(Math.max(fault.line, 1), shown.state.doc.lines));
      return { from: line.from, to: line.to, severity: fault.severity, message: fault.message };
    });
    shown.dispatch(setDiagnostics(shown.state, found));
  }, [faults]);

  return <div ref={place} style={{ minHeight: `${lines * 1.25}rem` }} />;
}

function offered(context: CompletionContext, offers: readonly string[]) {
  const word = context.matchBefore(/[\w$.]+/);
  if (!word && !context.explicit) return null;
  const options = offers.map((label): Completion => ({ label, type: "variable" }));
  return { from: word?.from ?? context.pos, options, validFor: /^[\w$.]*$/ };
}
