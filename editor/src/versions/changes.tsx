import type { Difference } from "../api/versions";
import { textOfCode } from "../texts/t";
import { t } from "../texts/versions";
import { Icon } from "../ui/icon";
import type { Mark } from "../workflow/compare";
import type { ComparedNode } from "./node-difference";
import css from "./versions.module.css";

export const MARKS: Record<Mark, { word: string; icon: string }> = {
  added: { word: t("versions.added"), icon: "plus" },
  removed: { word: t("versions.removed"), icon: "minus" },
  changed: { word: t("versions.changed"), icon: "code" },
  moved: { word: t("versions.moved"), icon: "tidy" },
  renamed: { word: t("versions.renamed"), icon: "copy" },
};

interface Line {
  mark: Mark;
  what: string;
  detail: string;
  /** Node of the line, if it has one. */
  node?: ComparedNode;
}

interface Props {
  difference: Difference | null;
  first: boolean;
  /** Show the changes of a node; without it, names of nodes are not buttons. */
  show?: (node: ComparedNode) => void;
}

/** List of the differences. */
export function Changes({ difference, first, show }: Props) {
  if (first) return <p className={css.empty}>{t("versions.first")}</p>;
  if (!difference || difference.same) return <p className={css.empty}>{t("versions.same")}</p>;
  const lines = linesOf(difference);
  return (
    <ul className={css.changes} aria-label={t("versions.differences")}>
      {lines.map((line) => (
        <li key={`${line.mark} ${line.what} ${line.detail}`} data-mark={line.mark}>
          <span className={css.mark} data-mark={line.mark}>
            <Icon name={MARKS[line.mark].icon} size={12} />
            {MARKS[line.mark].word}
          </span>
          <LineText line={line} show={show} />
        </li>
      ))}
    </ul>
  );
}

function LineText({ line, show }: { line: Line; show: Props["show"] }) {
  const { node, what, detail } = line;
  const text = (
    <>
      <code>{what}</code>
      {detail && <span className={css.detail}>{detail}</span>}
    </>
  );
  if (!node || !show) return text;
  return (
    <button
      type="button"
      className={css.nodeLine}
      title={t("versions.changesOf", { node: what })}
      onClick={() => show(node)}
    >
      {text}
    </button>
  );
}

/** Return the nodes that differ, by their ids in the graph of both sides. */
export function differingNodes(found: Difference): Map<string, ComparedNode> {
  return new Map(linesOf(found).flatMap(({ node }) => (node ? [[node.after ?? node.before ?? "", node]] : [])));
}

function linesOf(found: Difference): Line[] {
  const edge = (each: { source: string; target: string; on: string }) =>
    each.on === "success"
      ? `${each.source} → ${each.target}`
      : t("versions.edgeOn", { source: each.source, target: each.target, outcome: each.on });
  const mainList = t("versions.mainList");
  const line = (mark: Mark, what: string, detail = ""): Line => ({ mark, what, detail });
  const former = new Map((found.renamed ?? []).map((each) => [each.after, each.before]));
  const ofNode = (mark: Mark, id: string, detail = ""): Line => {
    const before = mark === "added" ? null : (former.get(id) ?? id);
    return { ...line(mark, id, detail), node: { before, after: mark === "removed" ? null : id } };
  };
  return [
    ...(found.added ?? []).map((each) => ofNode("added", each.id)),
    ...(found.removed ?? []).map((each) => ofNode("removed", each.id)),
    ...(found.renamed ?? []).map((each) => ofNode("renamed", each.after, t("versions.was", { name: each.before }))),
    ...(found.changed ?? []).map((each) => ofNode("changed", each.id, (each.keys ?? []).map(plain).join(", "))),
    ...(found.moved ?? []).map((each) =>
      ofNode("moved", each.id, t("versions.toList", { list: each.after || mainList })),
    ),
    ...(found.edges_added ?? []).map((each) => line("added", edge(each), t("versions.edge"))),
    ...(found.edges_removed ?? []).map((each) => line("removed", edge(each), t("versions.edge"))),
    ...(found.edges_moved ?? []).map((each) =>
      line("moved", edge(each.after), t("versions.edgeWas", { edge: edge(each.before) })),
    ),
    ...(found.reordered ?? []).map((each) => line("moved", each || mainList, t("versions.order"))),
    ...(found.document ?? []).map((each) =>
      line("changed", plain(each) || t("versions.document"), t("versions.settings")),
    ),
  ];
}

/** Keys of values that are the only part of what their holder stands for: `net.expr` is the input `net`. */
const INNER = new Set(["expr", "value", "type"]);

/** Keys that look like several, or like none. */
const AMBIGUOUS = /[›,"\p{C}]|^\s|\s$|^$/u;

/** Name a JSON pointer: `/value/content` is "content", `/value/input_transforms/net/expr` is "input_transforms › net". */
export function plain(pointer: string): string {
  if (pointer === "") return "";
  const keys = pointer
    .replace(/^\/(value\/)?/, "")
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const isInput = keys.at(-2) === "input_transforms"; // its name may be any
  const shown = keys.length > 1 && INNER.has(keys.at(-1) ?? "") && !isInput ? keys.slice(0, -1) : keys;
  return shown.map((key, place) => named(key, place === 0)).join(" › ");
}

function named(key: string, isMember: boolean): string {
  if (AMBIGUOUS.test(key)) return JSON.stringify(key);
  return isMember ? textOfCode(`codes.member_${key}`, key) : key;
}
