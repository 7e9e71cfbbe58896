import { type ReactNode, useState } from "react";
import type { Side, Version } from "../api/versions";
import { useEditor } from "../editor/context";
import { t, tWith } from "../texts/versions";
import { IconButton, Input } from "../ui/controls";
import { moveFocusByRow } from "../ui/list-tools";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { previousVersion, type Sides } from "./naming";
import { useRestore } from "./use-restore";
import css from "./versions.module.css";

interface Props {
  versions: Version[];
  drafted: boolean;
  sides: Sides | null;
  set: (before: Side | null, after: Side) => void;
  /** Part above the list. */
  top: ReactNode;
  /** Button that loads older versions. */
  children: ReactNode;
}

/** List of versions, newest first. A selected version is compared with the previous one; others can be restored. */
export function History({ versions, drafted, sides, set, top, children }: Props) {
  const [query, setWanted] = useState("");
  const readOnly = useEditor((editor) => editor.readOnly);
  const restore = useRestore();
  const words = query.toLowerCase().split(/\s+/);
  const shown = versions.filter((each) =>
    words.every((word) => `${each.number} ${each.message ?? ""} ${each.author}`.toLowerCase().includes(word)),
  );
  const choose = (side: Side) => set(previousVersion(side, versions), side);
  return (
    <section className={css.history} aria-label={t("versions.title")}>
      {top}
      <Input
        type="search"
        aria-label={t("versions.search")}
        placeholder={t("versions.searchHint")}
        value={query}
        onChange={(event) => setWanted(event.target.value)}
      />
      <ul className={css.list} onKeyDown={moveFocusByRow}>
        {drafted && (
          <li>
            <button
              type="button"
              className={css.version}
              aria-current={sides?.after === "draft"}
              onClick={() => choose("draft")}
            >
              <span className={css.message}>{t("versions.draft")}</span>
              <Status status="draft" />
            </button>
          </li>
        )}
        {shown.map((each) => (
          <li key={each.id} className={css.row}>
            <button
              type="button"
              className={css.version}
              aria-current={sides?.after === each.id}
              onClick={() => choose(each.id)}
            >
              <span className={css.number}>{t("versions.number", { number: each.number })}</span>
              <span className={css.message} data-none={each.message === undefined || undefined}>
                {each.message ?? t("versions.noMessage")}
              </span>
              <span className={css.by}>
                {tWith("versions.byAuthor", { time: <Time at={each.created_at} /> }, { author: each.author })}
              </span>
              {each.current && <Status status="succeeded" word={t("versions.current")} />}
            </button>
            {!readOnly && (drafted || !each.current) && (
              <IconButton
                label={t("versions.restoreAsDraft", { number: each.number })}
                icon="undo"
                onClick={() => restore(each)}
              />
            )}
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p className={css.empty}>{t("versions.noMatch", { query })}</p>}
      {children}
    </section>
  );
}
