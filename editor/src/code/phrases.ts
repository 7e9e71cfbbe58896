import { EditorState } from "@codemirror/state";
import { t } from "../texts/code";

/** The texts of CodeMirror: its search panel, its lists and its messages to screen readers. */
export const PHRASES = EditorState.phrases.of({
  Find: t("code.find"),
  Replace: t("code.replaceWith"),
  next: t("code.next"),
  previous: t("code.previous"),
  all: t("code.selectAll"),
  "match case": t("code.matchCase"),
  "by word": t("code.byWord"),
  regexp: t("code.regexp"),
  replace: t("code.replace"),
  "replace all": t("code.replaceAll"),
  close: t("code.close"),
  "current match": t("code.currentMatch"),
  "replaced match on line $": t("code.replaced"),
  "replaced $ matches": t("code.replacedAll"),
  "on line": t("code.onLine"),
  "Go to line": t("code.goToLine"),
  go: t("code.go"),
  Completions: t("code.completions"),
  Diagnostics: t("code.problems"),
  "No diagnostics": t("code.noProblems"),
  "Selection deleted": t("code.selectionDeleted"),
  "$ unchanged lines": t("code.unchangedLines"),
});
