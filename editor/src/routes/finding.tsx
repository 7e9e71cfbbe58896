import type { KeyboardEvent } from "react";
import { Input } from "../ui/controls";
import { Empty } from "../ui/states";
import { useListAddress } from "./address";
import css from "./finding.module.css";

/** How a list may be ordered: a word for the address, the words on the page, and what comes first. */
export interface Order<T> {
  name: string;
  says: string;
  before: (a: T, b: T) => number;
}

/** A list as the address asks for it: `shown` holds what has every word that is searched, in the order chosen. */
export interface Found<T> {
  wanted: string;
  sort: string;
  orders: readonly Order<T>[];
  shown: T[];
  set: (name: string, value: string) => void;
}

/** What of `items` is wanted. `textOf`: what is searched of one. The first of `orders` counts where none is chosen. */
export function useFound<T>(
  items: readonly T[] | undefined,
  textOf: (item: T) => string,
  orders: readonly [Order<T>, ...Order<T>[]],
): Found<T> {
  const [search, set] = useListAddress();
  const wanted = search.get("q") ?? "";
  const order = orders.find((each) => each.name === search.get("sort")) ?? orders[0];
  const words = wanted.toLowerCase().split(/\s+/);
  const shown = (items ?? [])
    .filter((item) => words.every((word) => textOf(item).toLowerCase().includes(word)))
    .sort(order.before);
  return { wanted, sort: order.name, orders, shown, set };
}

/** The fields above a list: what is searched and what comes first. */
export function Finding<T>({ what, found }: { what: string; found: Found<T> }) {
  return (
    <>
      <Input
        className={css.search}
        type="search"
        aria-label={`Search ${what}`}
        placeholder="Search"
        value={found.wanted}
        onChange={(event) => found.set("q", event.target.value)}
      />
      <select
        className={css.sort}
        aria-label="Sort by"
        value={found.sort}
        onChange={(event) => found.set("sort", event.target.value)}
      >
        {found.orders.map((order) => (
          <option key={order.name} value={order.name}>
            {order.says}
          </option>
        ))}
      </select>
    </>
  );
}

/** Where what is searched is not there. `where`: what was looked at, as "in its name or path". */
export function NothingFound({ what, wanted, where }: { what: string; wanted: string; where: string }) {
  return (
    <Empty title="Nothing matches">
      <p>
        No {what} has “{wanted}” {where}.
      </p>
    </Empty>
  );
}

/** Arrow keys go from the first link of a row to that of the next one. */
export function walkRows(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const rows = [...event.currentTarget.children];
  const place = rows.findIndex((row) => row.contains(event.target as Node));
  rows[Math.min(Math.max(place + step, 0), rows.length - 1)]?.querySelector("a")?.focus();
  event.preventDefault();
}
