import { Fragment, type ReactNode } from "react";
import { Link } from "react-router";
import type { ItemHistory } from "../api/item-histories";
import { t, tWith } from "../texts/t";
import css from "./list.module.css";
import { moveFocusByRow } from "./list-tools";
import { itemName, type ListedItem } from "./listed-item";
import { RunStrip } from "./run-strip";
import { Select } from "./select";
import { Status } from "./status";
import { Time } from "./time";

/** Value of `show` in the address of a list of archived items. */
export const ARCHIVED = "archived";

interface Props<T> {
  workspace: string;
  items: readonly T[];
  histories: ReadonlyMap<string, ItemHistory> | undefined;
  /** Show folders above their items, which are sorted by path. */
  byFolder: boolean;
  /** Return the address of the page of an item. */
  to: (item: T) => string;
  actions: (item: T) => ReactNode;
}

/** Rows of workflows or scripts with their newest runs, last change and actions. */
export function ItemRows<T extends ListedItem>({ items, byFolder, ...columns }: Props<T>) {
  const startsFolder = (place: number) => folderOf(items[place]?.path) !== folderOf(items[place - 1]?.path);
  return (
    <div className={css.table}>
      <div className={css.headers} aria-hidden="true">
        <span>{t("ui.name")}</span>
        <span>{t("ui.path")}</span>
        <span className={css.runs}>{t("ui.lastRuns")}</span>
        <span className={css.when}>{t("ui.lastChange")}</span>
      </div>
      <ul className={css.list} onKeyDown={moveFocusByRow}>
        {items.map((item, place) => (
          <Fragment key={item.path}>
            {byFolder && startsFolder(place) && <li className={css.folder}>{folderOf(item.path)}</li>}
            <Row item={item} {...columns} />
          </Fragment>
        ))}
      </ul>
    </div>
  );
}

function Row<T extends ListedItem>(props: Omit<Props<T>, "items" | "byFolder"> & { item: T }) {
  const { workspace, item, histories, to, actions } = props;
  const name = itemName(item);
  const history = histories?.get(item.path);
  const last = history?.runs[0];
  return (
    <li className={css.row}>
      <div className={css.name}>
        <Link to={to(item)} title={name}>
          {name}
        </Link>
      </div>
      <div className={css.path} title={item.path}>
        {item.path}
      </div>
      <div className={css.runs}>
        {history && <RunStrip runs={history.runs} />}
        {last && (
          <Link to={`/w/${workspace}/runs/${last.id}`}>
            <Status status={last.state} />
          </Link>
        )}
      </div>
      <div className={css.when}>
        {item.draft && <Status status="draft" word={item.draft} />} <LastChange item={item} />
      </div>
      <div className={css.actions}>{actions(item)}</div>
    </li>
  );
}

/** Time and author of the last change of an item. */
function LastChange({ item }: { item: ListedItem }) {
  const time = <Time at={item.edited_at} />;
  const author = item.edited_by;
  return author ? tWith("ui.editedBy", { time }, { author }) : tWith("ui.editedByYou", { time });
}

/** Selection of active or archived items. `set` receives the value of the address. */
export function ArchivedSelect({ archived, set }: { archived: boolean; set: (show: string) => void }) {
  return (
    <Select aria-label={t("ui.show")} value={archived ? ARCHIVED : ""} set={set}>
      <option value="">{t("ui.active")}</option>
      <option value={ARCHIVED}>{t("ui.archived")}</option>
    </Select>
  );
}

/** Return the folder of a path: its first two parts. */
function folderOf(path = ""): string {
  return path.split("/").slice(0, 2).join("/");
}
