import { textOfCode } from "../texts/t";
import { pathOf } from "./fixes";
import { at, isTree, type Json } from "./types";

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

/** Return a problem of the server with its message in the language of the page. */
export function translateProblem<Problem extends Described>(problem: Problem, tree: Json): Problem {
  const { code, path, message } = problem;
  const keys = pathOf(tree, path);
  const found = at(tree, keys);
  const value = isTree(found ?? null) ? at(found, ["node"]) : found;
  const text = textOfCode(`codes.problem_${code}`, message, {
    field: keys.at(-1) ?? "",
    value: typeof value === "string" || typeof value === "number" ? value : "",
    type: / of the type (\w+)$/.exec(message)?.[1] ?? "",
  });
  const lacksDetails = text !== message && DETAILED.has(code);
  return { ...problem, message: lacksDetails ? `${text} (${problemText(message)})` : text };
}
