import type { KeyboardEvent } from "react";
import { t } from "../texts/t";
import { Button, Input } from "./controls";
import css from "./list-tools.module.css";
import { Select } from "./select";
import { Empty } from "./states";
import { useUrlParams } from "./use-url-params";

/** An order of a list. */
export interface SortOption<T> {
  /** The name in the address. */
  name: string;
  label: string;
  /** Compares two items as `Array.sort` expects it. */
  before: (a: T, b: T) => number;
}

/** A list as the address filters and sorts it. */
export interface ListState<T> {
  query: string;
  sort: string;
  orders: readonly SortOption<T>[];
  /** The items that contain every word of the query, in the chosen order. */
  items: T[];
  /** Changes a part of the address. */
  set: (name: string, value: string) => void;
}

/** Filter and sort items by the address. `textOf` returns the searched text of an item; the first order is the default. */
export function useListTools<T>(
  items: readonly T[] | undefined,
  textOf: (item: T) => string,
  orders: readonly [SortOption<T>, ...SortOption<T>[]],
): ListState<T> {
  const [search, set] = useUrlParams();
  const wanted = search.get("q") ?? "";
  const order = orders.find((each) => each.name === search.get("sort")) ?? orders[0];
  const words = wanted.toLowerCase().split(/\s+/);
  const shown = (items ?? [])
    .filter((item) => words.every((word) => textOf(item).toLowerCase().includes(word)))
    .sort(order.before);
  return { query: wanted, sort: order.name, orders, items: shown, set };
}

/** Lists with a search field. */
type ListedItems = "approvals" | "schedules" | "scripts" | "workflows";

/** Search field and sort order above a list. */
export function ListTools<T>({ what, found }: { what: ListedItems; found: ListState<T> }) {
  return (
    <>
      <Input
        className={css.search}
        type="search"
        aria-label={t("ui.searchItems", { items: what })}
        placeholder={t("ui.search")}
        value={found.query}
        onChange={(event) => found.set("q", event.target.value)}
      />
      <Select aria-label={t("ui.sortBy")} value={found.sort} set={(next) => found.set("sort", next)}>
        {found.orders.map((order) => (
          <option key={order.name} value={order.name}>
            {order.label}
          </option>
        ))}
      </Select>
    </>
  );
}

/** The label by which a list is filtered, with a button that shows all items again; nothing without one. */
export function LabelFilter({ label, clear }: { label: string; clear: () => void }) {
  if (label === "") return null;
  return (
    <Button icon="cross" title={t("ui.clearLabel")} onClick={clear}>
      {t("ui.label", { label })}
    </Button>
  );
}

/** Parts of the address that filter a list. */
const FILTERS = ["q", "label", "show"];

/** Empty state of a list whose search or filters have no matches. */
export function NoMatches({ what, wanted }: { what: ListedItems; wanted: string }) {
  const [, set] = useUrlParams();
  const clear = () => {
    for (const name of FILTERS) set(name, "");
  };
  return (
    <Empty title={t("ui.noMatches")}>
      {wanted !== "" && <p>{t("ui.noItemMatches", { items: what, query: wanted })}</p>}
      <Button onClick={clear}>{t("ui.clearFilters")}</Button>
    </Empty>
  );
}

/** Controls in which the arrow keys have another function. */
const OWN_ARROWS = 'input:not([type="checkbox"]), select, textarea';
const COMMANDS = "a, button:not(:disabled)";

/** Move the focus to the first link or button of the next or previous row with the arrow keys. */
export function moveFocusByRow(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const target = event.target as Element;
  if (!step || target.matches(OWN_ARROWS)) return;
  const rows = [...event.currentTarget.children].filter((row) => row.querySelector(COMMANDS));
  const place = rows.findIndex((row) => row.contains(target));
  // Events of a dialog that a row opened reach the list as well.
  if (place < 0) return;
  const next = rows[Math.min(Math.max(place + step, 0), rows.length - 1)];
  (next?.querySelector<HTMLElement>("a") ?? next?.querySelector<HTMLElement>(COMMANDS))?.focus();
  event.preventDefault();
}
