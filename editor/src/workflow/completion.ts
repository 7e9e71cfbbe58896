import { t } from "../texts/workflow";
import { isKnownTree, type Known, type KnownTree, member, pathOf, preview, type Source, valueAt } from "./scope";

/** A completion: the label in the list, the text that it inserts, and a short description. */
export interface Completion {
  label: string;
  insert: string;
  detail: string;
}

/** The completions at the end of a text, and the offset from which they replace it. */
export interface Completions {
  from: number;
  choices: Completion[];
}

const CHAIN = /[A-Za-z_$][\w$]*(?:\??\.[\w$]*|\[(?:\d+|"(?:[^"\\]|\\.)*"|'[^'\\]*')\])*$/;
const OF_LISTS = ["length", "map", "filter", "find", "join"];
const named = (label: string, insert: string, detail: string): Completion => ({ label, insert, detail });
const FUNCTIONS: Completion[] = [
  named("variable", 'variable("")', t("workflow.variable")),
  named("resource", 'resource("")', t("workflow.resource")),
  named("previous_result", "previous_result", t("workflow.previousResult")),
  named("context", "context", t("workflow.context")),
];

/** Return completions of the text before the cursor: the roots, or the fields of the last known value. */
export function complete(sources: readonly Source[], before: string): Completions | null {
  const chain = before.match(CHAIN)?.[0];
  // A number, or a text in quotes, is complete.
  if (chain === undefined && /[\w.)\]"'`]$/.test(before)) return null;
  if (chain === undefined) return { from: before.length, choices: roots(sources) };
  const start = before.length - chain.length;
  const dot = chain.lastIndexOf(".");
  if (dot < 0 || chain.endsWith("]")) return chain.endsWith("]") ? null : { from: start, choices: roots(sources) };
  const head = chain.slice(0, dot).replace(/\?$/, "");
  const path = pathOf(head);
  const value = path === null ? undefined : valueAt(scopeOf(sources), path);
  const choices = within(value, chain[dot - 1] === "?");
  // A completion replaces the dot, as a name that is not an identifier is written in brackets.
  return choices.length > 0 ? { from: start + head.length, choices } : null;
}

function roots(sources: readonly Source[]): Completion[] {
  const read = sources.map(({ expr, title, value }) => ({
    label: expr,
    insert: expr,
    detail: preview(value) || title,
  }));
  const results = sources.some((each) => each.expr.startsWith("results"));
  return [...(results ? [named("results", "results", t("workflow.earlierResults"))] : []), ...read, ...FUNCTIONS];
}

/** All sources as one value, as an expression sees them. */
function scopeOf(sources: readonly Source[]): KnownTree {
  const scope: KnownTree = {};
  for (const { expr, value } of sources) {
    const path = pathOf(expr) ?? [];
    let holder = scope;
    for (const key of path.slice(0, -1)) {
      const inner = holder[key];
      const made = isKnownTree(inner) ? { ...inner } : {};
      holder[key] = made;
      holder = made;
    }
    const last = String(path.at(-1));
    const known = holder[last];
    holder[last] = isKnownTree(known) && isKnownTree(value) ? { ...value, ...known } : value;
  }
  return scope;
}

function within(value: Known, maybe: boolean): Completion[] {
  const dotted = (key: string) => (maybe ? "?." : ".") + key;
  if (Array.isArray(value)) {
    const first = value.length > 0 ? [{ label: "[0]", insert: "[0]", detail: preview(value[0]) }] : [];
    return [
      ...first,
      ...OF_LISTS.map((key) => ({ label: key, insert: dotted(key), detail: t("workflow.listMember") })),
    ];
  }
  if (!isKnownTree(value)) return [];
  return Object.entries(value).map(([key, each]) => {
    const written = member(key);
    const insert = written.startsWith(".") ? dotted(key) : written;
    return { label: key, insert, detail: preview(each) };
  });
}
