import { type KeyboardEvent, type ReactNode, useState } from "react";
import type { Side, Version } from "../api/versions";
import { Input } from "../ui/controls";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { previousVersion, type Sides } from "./naming";
import css from "./versions.module.css";

interface Props {
  versions: Version[];
  drafted: boolean;
  sides: Sides | null;
  set: (before: Side | null, after: Side) => void;
  /** What leads to older ones. */
  children: ReactNode;
}

/** The versions, newest first; one that is chosen is compared with the one before it. */
export function History({ versions, drafted, sides, set, children }: Props) {
  const [query, setWanted] = useState("");
  const words = query.toLowerCase().split(/\s+/);
  const shown = versions.filter((each) =>
    words.every((word) => `${each.number} ${each.message ?? ""} ${each.author}`.toLowerCase().includes(word)),
  );
  const choose = (side: Side) => set(previousVersion(side, versions), side);
  return (
    <section className={css.history} aria-label="Versions">
      <Input
        type="search"
        aria-label="Search versions"
        placeholder="Search message or author"
        value={query}
        onChange={(event) => setWanted(event.target.value)}
      />
      <ul className={css.list} onKeyDown={moveFocus}>
        {drafted && (
          <li>
            <button
              type="button"
              className={css.version}
              aria-current={sides?.after === "draft"}
              onClick={() => choose("draft")}
            >
              <span className={css.message}>Your draft</span>
              <Status status="draft" />
            </button>
          </li>
        )}
        {shown.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              className={css.version}
              aria-current={sides?.after === each.id}
              onClick={() => choose(each.id)}
            >
              <span className={css.number}>v{each.number}</span>
              <span className={css.message} data-none={each.message === undefined || undefined}>
                {each.message ?? "No message"}
              </span>
              <span className={css.by}>
                {each.author}, <Time at={each.created_at} />
              </span>
              {each.current && <Status status="succeeded" word="runs take it" />}
            </button>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p className={css.empty}>No version has “{query}” in its message or author.</p>}
      {children}
    </section>
  );
}

/** Arrow keys go from version to version. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const rows = [...event.currentTarget.querySelectorAll("button")];
  const place = rows.indexOf(event.target as HTMLButtonElement);
  rows[Math.min(Math.max(place + step, 0), rows.length - 1)]?.focus();
  event.preventDefault();
}
