import type { Difference } from "../api/versions";
import { Icon } from "../ui/icon";
import type { Mark } from "../workflow/compare";
import css from "./versions.module.css";

export const MARKS: Record<Mark, { word: string; icon: string }> = {
  added: { word: "added", icon: "plus" },
  removed: { word: "removed", icon: "minus" },
  changed: { word: "changed", icon: "code" },
  moved: { word: "moved", icon: "tidy" },
  renamed: { word: "renamed", icon: "copy" },
};

interface Line {
  mark: Mark;
  what: string;
  detail: string;
}

/** What differs, in words. */
export function Changes({ difference, first }: { difference: Difference | null; first: boolean }) {
  if (first) return <p className={css.empty}>This is the first version.</p>;
  if (!difference || difference.same) return <p className={css.empty}>Nothing differs but the way it is written.</p>;
  const lines = linesOf(difference);
  return (
    <ul className={css.changes} aria-label="What differs">
      {lines.map((line) => (
        <li key={`${line.mark} ${line.what} ${line.detail}`} data-mark={line.mark}>
          <span className={css.mark} data-mark={line.mark}>
            <Icon name={MARKS[line.mark].icon} size={12} />
            {MARKS[line.mark].word}
          </span>
          <code>{line.what}</code>
          {line.detail && <span className={css.detail}>{line.detail}</span>}
        </li>
      ))}
    </ul>
  );
}

function linesOf(found: Difference): Line[] {
  const edge = (each: { source: string; target: string; on: string }) =>
    `${each.source} → ${each.target}${each.on === "success" ? "" : ` on ${each.on}`}`;
  const line = (mark: Mark, what: string, detail = ""): Line => ({ mark, what, detail });
  return [
    ...(found.added ?? []).map((each) => line("added", each.id)),
    ...(found.removed ?? []).map((each) => line("removed", each.id)),
    ...(found.renamed ?? []).map((each) => line("renamed", each.after, `was ${each.before}`)),
    ...(found.changed ?? []).map((each) => line("changed", each.id, (each.keys ?? []).map(plain).join(", "))),
    ...(found.moved ?? []).map((each) => line("moved", each.id, `to ${each.after || "the main list"}`)),
    ...(found.edges_added ?? []).map((each) => line("added", edge(each), "edge")),
    ...(found.edges_removed ?? []).map((each) => line("removed", edge(each), "edge")),
    ...(found.edges_moved ?? []).map((each) => line("moved", edge(each.after), `edge, was ${edge(each.before)}`)),
    ...(found.reordered ?? []).map((each) => line("moved", each || "the main list", "order of its nodes")),
    ...(found.document ?? []).map((each) => line("changed", plain(each) || "the document", "beside the nodes")),
  ];
}

/** A JSON pointer as a person reads it: `/value/content` is `content`. */
function plain(pointer: string): string {
  return pointer
    .replace(/^\/(value\/)?/, "")
    .replaceAll("/", ".")
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}
