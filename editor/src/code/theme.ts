import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { sql } from "@codemirror/lang-sql";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, StreamLanguage } from "@codemirror/language";
import { go } from "@codemirror/legacy-modes/mode/go";
import { ruby } from "@codemirror/legacy-modes/mode/ruby";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { NONCE } from "../lib/nonce";

export const LANGUAGES: Record<string, () => Extension> = {
  python3: python,
  bun: () => javascript({ typescript: true }),
  bunnative: () => javascript({ typescript: true }),
  deno: () => javascript({ typescript: true }),
  nativets: () => javascript({ typescript: true }),
  javascript: () => javascript(),
  json,
  yaml,
  postgresql: () => sql(),
  duckdb: () => sql(),
  mysql: () => sql(),
  mssql: () => sql(),
  snowflake: () => sql(),
  bigquery: () => sql(),
  bash: () => StreamLanguage.define(shell),
  go: () => StreamLanguage.define(go),
  ruby: () => StreamLanguage.define(ruby),
};

/** Languages with a complete grammar: a syntax error of it is one of the language. */
export const COMPLETE_GRAMMARS = new Set(["bun", "bunnative", "deno", "nativets", "json"]);

export const HIGHLIGHTING = HighlightStyle.define([
  { tag: [tags.keyword, tags.bool, tags.null], color: "var(--accent-text)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: tags.number, color: "var(--busy)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.definition(tags.variableName)], color: "var(--busy)" },
]);

export const THEME = [
  EditorView.cspNonce.of(NONCE),
  EditorView.theme({
    "&": { fontSize: "0.8125rem", color: "var(--text)", backgroundColor: "var(--surface)" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
    ".cm-content": { caretColor: "var(--text)" },
    ".cm-cursor": { borderLeftColor: "var(--text)" },
    ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--soft)", border: "none" },
    ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": {
      backgroundColor: "var(--accent-wash) !important",
    },
    ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)" },
    ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-wash)", color: "var(--text)" },
    ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal" },
    // Few fonts have the default sign.
    ".cm-collapsedLines": { "&:before, &:after": { content: '"⋮"' } },
    ".cm-diagnostic": { fontFamily: "var(--font)" },
  }),
];
