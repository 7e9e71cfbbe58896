import { useState } from "react";
import { ExactNumber } from "../../lib/exact-number";
import { t } from "../../texts/runs";
import { Button } from "../../ui/controls";
import { isContainer, type Json } from "../../workflow/types";
import css from "./data.module.css";
import { searchJson } from "./json-search";

const PAGE_SIZE = 100;
const INITIALLY_OPEN = 12;
const MAX_LENGTH = 2_000;
const MAX_MATCHES = 200;

/** Value as a collapsible tree. Long lists are shown in parts. */
export function JsonTree({ value, word }: { value: Json; word: string }) {
  if (word) return <Found value={value} word={word} />;
  return (
    <ul className={css.tree}>
      <Branch name={null} value={value} depth={0} />
    </ul>
  );
}

function Branch({ name, value, depth }: { name: string | null; value: Json; depth: number }) {
  const holds = isContainer(value);
  const entries = holds ? Object.entries(value) : [];
  const [open, setOpen] = useState(depth < 1 || (depth < 3 && entries.length <= INITIALLY_OPEN));
  const [shown, setShown] = useState(PAGE_SIZE);
  if (!holds || entries.length === 0) {
    return (
      <li>
        <Key name={name} /> <Scalar value={value} />
      </li>
    );
  }
  return (
    <li>
      <button type="button" className={css.branch} aria-expanded={open} onClick={() => setOpen(!open)}>
        <span aria-hidden="true">{open ? "▾" : "▸"}</span> <Key name={name} />{" "}
        <span className={css.count}>
          {t(Array.isArray(value) ? "runs.itemCount" : "runs.keyCount", { count: entries.length })}
        </span>
      </button>
      {open && (
        <ul>
          {entries.slice(0, shown).map(([key, inner]) => (
            <Branch key={key} name={key} value={inner as Json} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <li>
              <Button look="quiet" onClick={() => setShown(shown + PAGE_SIZE)}>
                {t("runs.showMore", { count: Math.min(entries.length - shown, PAGE_SIZE) })}
              </Button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

function Key({ name }: { name: string | null }) {
  return name === null ? null : <span className={css.key}>{name}:</span>;
}

function Scalar({ value }: { value: Json }) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const shown =
    text.length > MAX_LENGTH ? t("runs.textCut", { text: text.slice(0, MAX_LENGTH), count: text.length }) : text;
  return (
    <span className={css.scalar} data-type={typeOf(value)}>
      {shown}
    </span>
  );
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  return value instanceof ExactNumber ? "number" : typeof value;
}

function Found({ value, word }: { value: Json; word: string }) {
  const found = searchJson(value, word, MAX_MATCHES);
  if (found.length === 0) return <p className={css.empty}>{t("ui.noMatches")}</p>;
  return (
    <ul className={css.tree} aria-label={t("runs.matches")}>
      {found.map((match) => (
        <li key={match.path}>
          <span className={css.key}>{match.path || t("runs.entireValue")}</span> <Scalar value={match.value} />
        </li>
      ))}
      {found.length === MAX_MATCHES && <li className={css.empty}>{t("runs.firstMatches", { count: MAX_MATCHES })}</li>}
    </ul>
  );
}
