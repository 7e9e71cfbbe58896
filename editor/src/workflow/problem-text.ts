import workflow from "../texts/en/workflow.json";
import { IS_ENGLISH } from "../texts/language";
import { t } from "../texts/workflow";
import { pathOf } from "./fixes";
import { at, isTree, type Json } from "./types";

type CodeOf<Name> = Name extends `problem_${infer Code}` ? Code : never;
/** Codes with a text. */
type Code = CodeOf<keyof typeof workflow>;

interface Described {
  code: string;
  /** JSON Pointer into the document. */
  path: string;
  message: string;
}

/** Return the message of a problem as a sentence without the node that it begins with, which the page shows beside it. */
export function problemText(message: string): string {
  // The page shows problems at their fields; the pointer is for those who read the document.
  const text = message.replace(/^node [^:]*: /, "").replace(/ in \/\S+/, "");
  // A name such as `results.orders` remains as it is.
  return /^[\w$]+[.[(]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

/** Codes whose message has details that the text of the code lacks. */
const DETAILED = new Set([
  "code_unreadable",
  "expression_syntax",
  "invalid_schema",
  "missing_key",
  "not_yet_supported",
  "out_of_bounds",
  "wrong_type",
  "wrong_value",
]);

/** Return a problem of the server, whose message is English, with a message in the language of the page. */
export function translateProblem<Problem extends Described>(problem: Problem, tree: Json): Problem {
  return IS_ENGLISH ? problem : { ...problem, message: describeByCode(problem, tree) };
}

/** Return the text for the code of a problem, otherwise its message. */
export function describeByCode({ code, path, message }: Described, tree: Json): string {
  if (!(`problem_${code}` in workflow)) return message;
  const keys = pathOf(tree, path);
  const found = at(tree, keys);
  const value = isTree(found ?? null) ? at(found, ["node"]) : found;
  const text = t(`workflow.problem_${code as Code}`, {
    field: keys.at(-1) ?? "",
    value: typeof value === "string" || typeof value === "number" ? value : "",
  });
  return DETAILED.has(code) ? `${text} (${problemText(message)})` : text;
}
