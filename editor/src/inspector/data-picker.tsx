import { useState } from "react";
import { ActionButton } from "../actions/button";
import { t } from "../texts/inspector";
import { IconButton, Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import { preview, type Row, rowsOf, type Source, search } from "../workflow/scope";
import css from "./data-picker.module.css";

interface Props {
  sources: readonly Source[];
  /** Inserts a reference. */
  insert: (expr: string) => void;
  close: () => void;
}

/** The values that a node can read, with their last data, to search and to insert. */
export function DataPicker({ sources, insert, close }: Props) {
  const [query, setWords] = useState("");
  const found = query.trim() ? search(sources, query) : null;
  return (
    <section
      className={css.picker}
      aria-label={t("inspector.data")}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <div className={css.head}>
        <Input
          type="search"
          aria-label={t("inspector.searchData")}
          placeholder={t("inspector.searchDataHint")}
          value={query}
          autoFocus
          onChange={(event) => setWords(event.target.value)}
        />
        <IconButton label={t("inspector.closeData")} icon="cross" onClick={close} />
      </div>
      {!found && isUntested(sources) && (
        <div className={css.untested}>
          <p className={css.hint}>{t("inspector.testForData")}</p>
          <ActionButton name="test" words />
        </div>
      )}
      {found?.length === 0 && <p className={css.hint}>{t("inspector.noData")}</p>}
      <ul className={css.list}>
        {found?.map((row) => (
          <ValueRow key={row.expr} row={row} insert={insert} />
        ))}
        {!found &&
          sources.map((source, n) => (
            <SourceRow
              key={source.expr}
              source={source}
              open={n === 0 || source.expr === "flow_input"}
              insert={insert}
            />
          ))}
      </ul>
    </section>
  );
}

/** Return true if no node has an output yet. */
const isUntested = (sources: readonly Source[]): boolean =>
  !sources.some(({ expr, value }) => value !== undefined && !expr.startsWith("flow_input"));

function SourceRow({ source, open, insert }: { source: Source; open: boolean; insert: Props["insert"] }) {
  const row = { expr: source.expr, key: source.title, value: source.value };
  return (
    <ValueRow
      row={row}
      icon={source.icon}
      open={open}
      insert={insert}
      hint={source.value === undefined ? t("inspector.noDataYet") : undefined}
    />
  );
}

interface LineProps {
  row: Row;
  icon?: string;
  open?: boolean;
  hint?: string | undefined;
  insert: Props["insert"];
}

function ValueRow({ row, icon, open: first = false, hint, insert }: LineProps) {
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
            aria-label={open ? t("inspector.collapse", { name: row.key }) : t("inspector.expand", { name: row.key })}
            onClick={() => setOpen(!open)}
          >
            <Icon name="down" size={12} />
          </button>
        ) : (
          <span className={css.toggle} />
        )}
        <button
          type="button"
          className={css.row}
          title={t("inspector.insert", { expr: row.expr })}
          onClick={() => insert(row.expr)}
        >
          {icon && <Icon name={icon} size={14} />}
          <span className={icon ? css.source : css.key}>{row.key}</span>
          <span className={css.value}>{preview(row.value)}</span>
        </button>
      </div>
      {hint && <p className={css.hint}>{hint}</p>}
      {open && inner.length > 0 && (
        <ul className={css.inner}>
          {inner.map((each) => (
            <ValueRow key={each.expr} row={each} insert={insert} />
          ))}
        </ul>
      )}
    </li>
  );
}
