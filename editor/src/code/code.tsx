import { autocompletion, type CompletionContext, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, ensureSyntaxTree, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, linter, lintGutter } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, StateEffect } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { type RefObject, useEffect, useRef } from "react";
import { t } from "../texts/code";
import { codeParts } from "../ui/with-code";
import type { Completions } from "../workflow/completion";
import { PHRASES } from "./phrases";
import { replaceSelection } from "./replace-selection";
import { COMPLETE_GRAMMARS, HIGHLIGHTING, LANGUAGES, THEME } from "./theme";

/** A problem in a text. Without a line it is shown at the first syntax error, otherwise at the beginning. */
export interface CodeDiagnostic {
  line?: number;
  message: string;
  severity: "error" | "warning";
}

export interface CodeProps {
  label: string;
  language: string;
  text: string;
  changed: (text: string) => void;
  lines?: number;
  numbers?: boolean;
  readOnly?: boolean;
  /** Returns completions of the text before the cursor. */
  complete?: ((before: string) => Completions | null) | undefined;
  diagnostics?: readonly CodeDiagnostic[];
  /** Set to a function that inserts text at the cursor while the editor is mounted. */
  insert?: RefObject<((text: string) => void) | null> | undefined;
}

/** The keys of the editor without Mod-Enter, which runs a test on the pages. */
const EDITING_KEYS = defaultKeymap.filter(({ key }) => key !== "Mod-Enter");

/** The diagnostics of the props have changed, possibly long after the text. */
const refreshDiagnostics = StateEffect.define<null>();
/** Languages whose code is indented by four spaces, as in the code of new nodes. */
const FOUR_SPACES = new Set(["python3", "php"]);
const LINT_MS = 250;
const MAX_SYNTAX_ERRORS = 5;
const PARSE_MS = 50;

/** A code editor, controlled by `text` and `changed`. */
export default function Code(props: CodeProps) {
  const { label, language, text, lines = 3, numbers = false, readOnly = false, diagnostics, insert } = props;
  const container = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latestProps = useRef(props);
  latestProps.current = props;

  useEffect(() => {
    if (!container.current) return;
    const made = new EditorView({
      parent: container.current,
      state: EditorState.create({
        doc: latestProps.current.text,
        extensions: [
          baseExtensions(label, language, numbers),
          EditorState.readOnly.of(readOnly || container.current.closest("fieldset:disabled") !== null),
          latestProps.current.complete
            ? autocompletion({ override: [(context) => completionsAt(context, latestProps.current)], icons: false })
            : autocompletion({ icons: false }),
          linter((shown) => lint(shown, latestProps.current), {
            delay: LINT_MS,
            needsRefresh: ({ transactions }) =>
              transactions.some((each) => each.effects.some((effect) => effect.is(refreshDiagnostics))),
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((each) => each.isUserEvent("outside"))) {
              latestProps.current.changed(update.state.doc.toString());
            }
          }),
        ],
      }),
    });
    view.current = made;
    if (insert) insert.current = (put) => insertAtCursor(made, put);
    return () => {
      if (insert) insert.current = null;
      made.destroy();
    };
  }, [language, label, numbers, readOnly, insert]);

  useEffect(() => {
    const shown = view.current;
    if (!shown || shown.state.doc.toString() === text) return;
    shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: text }, userEvent: "outside" });
  }, [text]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new diagnostics are shown immediately
  useEffect(() => {
    view.current?.dispatch({ effects: refreshDiagnostics.of(null) });
  }, [diagnostics]);

  return <div ref={container} style={{ minHeight: `${lines * 1.25}rem` }} />;
}

function baseExtensions(label: string, language: string, numbers: boolean): Extension {
  return [
    ...(numbers ? [lineNumbers(), lintGutter()] : []),
    history(),
    indentOnInput(),
    indentUnit.of(FOUR_SPACES.has(language) ? "    " : "  "),
    bracketMatching(),
    closeBrackets(),
    replaceSelection,
    highlightSelectionMatches(),
    syntaxHighlighting(HIGHLIGHTING),
    LANGUAGES[language]?.() ?? [],
    keymap.of([
      ...completionKeymap,
      ...EDITING_KEYS,
      ...historyKeymap,
      ...searchKeymap,
      ...(numbers ? [indentWithTab] : []),
    ]),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label }),
    PHRASES,
    THEME,
  ];
}

function completionsAt(context: CompletionContext, { complete }: CodeProps) {
  const before = context.state.sliceDoc(0, context.pos);
  const found = complete?.(before);
  if (!found || (found.from === context.pos && !context.explicit && !/[.\w$]$/.test(before))) return null;
  const typed = before.slice(found.from);
  const options = found.choices.map(({ label, insert, detail }) => ({
    label,
    detail,
    apply: insert,
    // Names are matched without the dot before them.
    displayLabel: label,
    type: "property",
    boost: label.startsWith(typed.replace(/^\??\./, "")) ? 1 : 0,
  }));
  const dots = typed.match(/^\??\./)?.[0].length ?? 0;
  return {
    from: found.from + dots,
    options: options.map((option) => ({ ...option, apply: applied(option.apply, dots) })),
    validFor: /^[\w$]*$/,
  };
}

/** Return the function that replaces the typed text and the dots before it with a completion. */
function applied(insert: string, dots: number) {
  return (view: EditorView, _: unknown, from: number, to: number) => {
    const cursor = insert.endsWith('("")') ? insert.length - 2 : insert.length;
    view.dispatch({
      changes: { from: from - dots, to, insert },
      selection: { anchor: from - dots + cursor },
      userEvent: "input.complete",
    });
  };
}

function insertAtCursor(view: EditorView, text: string): void {
  const { from, to } = view.state.selection.main;
  const spaced = from > 0 && /[\w$\])}"']/.test(view.state.sliceDoc(from - 1, from)) ? ` ${text}` : text;
  view.dispatch({ changes: { from, to, insert: spaced }, selection: { anchor: from + spaced.length } });
  view.focus();
}

function lint(view: EditorView, { language, diagnostics }: CodeProps): Diagnostic[] {
  const { doc } = view.state;
  const unread = syntaxErrors(view);
  const own = COMPLETE_GRAMMARS.has(language)
    ? unread.map((at): Diagnostic => ({ ...lineAt(view, at), severity: "error", message: t("code.syntaxError") }))
    : [];
  const outside = (diagnostics ?? []).map((fault): Diagnostic => {
    const start =
      fault.line === undefined ? (unread[0] ?? 0) : doc.line(Math.min(Math.max(fault.line, 1), doc.lines)).from;
    const { severity, message } = fault;
    return { ...lineAt(view, start), severity, message, renderMessage: () => messageNode(message) };
  });
  return [...own, ...outside];
}

/** Return a message of the server as an element, with the parts between backticks as code. */
function messageNode(message: string): Node {
  const node = document.createElement("span");
  const parts = codeParts(message).map((part, index) =>
    index % 2 === 0 ? part : Object.assign(document.createElement("code"), { textContent: part }),
  );
  node.append(...parts);
  return node;
}

function lineAt(view: EditorView, at: number): { from: number; to: number } {
  const { from, to } = view.state.doc.lineAt(at);
  return { from, to };
}

/** Return the positions of syntax errors, one per line. */
function syntaxErrors(view: EditorView): number[] {
  const places = new Map<number, number>();
  ensureSyntaxTree(view.state, view.state.doc.length, PARSE_MS)?.iterate({
    enter: (node) => {
      if (node.type.isError && places.size < MAX_SYNTAX_ERRORS) {
        const { number } = view.state.doc.lineAt(node.from);
        if (!places.has(number)) places.set(number, node.from);
      }
    },
  });
  return [...places.values()];
}
