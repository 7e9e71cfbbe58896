import { useState } from "react";
import { IconButton, Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import { preview, type Row, rowsOf, type Source, search } from "../workflow/scope";
import css from "./picker.module.css";

interface Props {
  sources: readonly Source[];
  /** Puts a reference in. */
  insert: (expr: string) => void;
  close: () => void;
}

/** What a node can read, with what it really was: searched, opened, put in by a click. */
export function DataPicker({ sources, insert, close }: Props) {
  const [words, setWords] = useState("");
  const found = words.trim() ? search(sources, words) : null;
  return (
    <section
      className={css.picker}
      aria-label="Data"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <div className={css.head}>
        <Input
          type="search"
          aria-label="Search the data"
          placeholder="Search names and values"
          value={words}
          autoFocus
          onChange={(event) => setWords(event.target.value)}
        />
        <IconButton label="Close the data" icon="cross" onClick={close} />
      </div>
      {found?.length === 0 && <p className={css.none}>No name and no value holds that.</p>}
      <ul className={css.list}>
        {found?.map((row) => (
          <Line key={row.expr} row={row} insert={insert} />
        ))}
        {!found &&
          sources.map((source, n) => <FromNode key={source.expr} source={source} open={n === 0} insert={insert} />)}
      </ul>
    </section>
  );
}

function FromNode({ source, open, insert }: { source: Source; open: boolean; insert: Props["insert"] }) {
  const row = { expr: source.expr, key: source.title, value: source.value };
  return (
    <Line
      row={row}
      icon={source.icon}
      open={open}
      insert={insert}
      none={source.value === undefined ? "Not run yet: test it to see what it gives." : undefined}
    />
  );
}

interface LineProps {
  row: Row;
  icon?: string;
  open?: boolean;
  none?: string | undefined;
  insert: Props["insert"];
}

function Line({ row, icon, open: first = false, none, insert }: LineProps) {
  const [open, setOpen] = useState(first);
  const inner = rowsOf(row.expr, row.value);
  return (
    <li>
      <div className={css.line}>
        {inner.length > 0 ? (
          <button
            type="button"
            className={css.toggle}
            aria-expanded={open}
            aria-label={`${open ? "Close" : "Open"} ${row.key}`}
            onClick={() => setOpen(!open)}
          >
            <Icon name="down" size={12} />
          </button>
        ) : (
          <span className={css.toggle} />
        )}
        <button type="button" className={css.row} title={`Insert ${row.expr}`} onClick={() => insert(row.expr)}>
          {icon && <Icon name={icon} size={14} />}
          <span className={icon ? css.source : css.key}>{row.key}</span>
          <span className={css.value}>{preview(row.value)}</span>
        </button>
      </div>
      {none && <p className={css.none}>{none}</p>}
      {open && inner.length > 0 && (
        <ul className={css.inner}>
          {inner.map((each) => (
            <Line key={each.expr} row={each} insert={insert} />
          ))}
        </ul>
      )}
    </li>
  );
}
