import { Fragment, type ReactNode, useState } from "react";
import type { ItemHistory } from "../api/item-histories";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/t";
import { IconButton } from "../ui/controls";
import { Icon } from "../ui/icon";
import { moveFocusByRow } from "../ui/list-tools";
import { RunStrip } from "../ui/run-strip";
import { Select } from "../ui/select";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { type Folder, foldersOf } from "./folder-tree";
import css from "./list.module.css";
import { itemName, type ListedItem } from "./listed-item";

/** Values of `show` in the address of a list: of archived items, of favourites. */
export const ARCHIVED = "archived";
export const FAVOURITES = "favourites";

interface Props<T> {
  workspace: string;
  items: readonly T[];
  histories: ReadonlyMap<string, ItemHistory> | undefined;
  /** Show folders above their items, which are sorted by path. */
  byFolder: boolean;
  /** Return the address of the page of an item. */
  to: (item: T) => string;
  actions: (item: T) => ReactNode;
  /** Paths of the chosen items. */
  chosen: ReadonlySet<string>;
  choose: (path: string, chosen: boolean) => void;
  /** Marks an item as a favourite of the user, or removes the mark. */
  star: (item: T) => void;
  /** Filters the list by a label. */
  filterBy: (label: string) => void;
}

/** Rows of workflows or scripts with their newest runs, last change and actions; a tree of folders if sorted by path. */
export function ItemRows<T extends ListedItem>({ items, byFolder, ...columns }: Props<T>) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const toggle = (path: string) =>
    setClosed((before) => new Set(before.has(path) ? [...before].filter((each) => each !== path) : [...before, path]));
  const row = (item: T) => <Row key={item.path} item={item} {...columns} />;
  return (
    <div className={css.table}>
      <div className={css.headers} aria-hidden="true">
        <span />
        <span>{t("ui.name")}</span>
        <span>{t("ui.path")}</span>
        <span className={css.runs}>{t("ui.lastRuns")}</span>
        <span className={css.when}>{t("ui.lastChange")}</span>
      </div>
      <ul className={css.list} onKeyDown={moveFocusByRow}>
        {byFolder
          ? foldersOf(items, closed).map((folder) => (
              <Fragment key={folder.path}>
                <FolderRow folder={folder} isOpen={!closed.has(folder.path)} toggle={() => toggle(folder.path)} />
                {!closed.has(folder.path) && folder.items.map(row)}
              </Fragment>
            ))
          : items.map(row)}
      </ul>
    </div>
  );
}

function FolderRow<T>({ folder, isOpen, toggle }: { folder: Folder<T>; isOpen: boolean; toggle: () => void }) {
  return (
    <li className={css.folder}>
      <button
        type="button"
        aria-expanded={isOpen}
        style={{ paddingInlineStart: `${0.9 + folder.depth * 1.25}rem` }}
        onClick={toggle}
      >
        <Icon name={isOpen ? "down" : "next"} size={14} />
        <span>{folder.name}</span>
        <span className={css.count}>{t("ui.itemCount", { count: folder.count })}</span>
      </button>
    </li>
  );
}

function Row<T extends ListedItem>(props: Omit<Props<T>, "items" | "byFolder"> & { item: T }) {
  const { workspace, item, histories, to, actions, chosen, choose, star, filterBy } = props;
  const name = itemName(item);
  const history = histories?.get(item.path);
  const last = history?.runs[0];
  return (
    <li className={css.row}>
      <div className={css.marks}>
        <input
          type="checkbox"
          aria-label={t("ui.choose", { name })}
          disabled={!item.deployed}
          checked={chosen.has(item.path)}
          onChange={(event) => choose(item.path, event.target.checked)}
        />
        <IconButton
          icon="star"
          label={t("ui.favourite", { name })}
          aria-pressed={item.starred}
          className={css.star}
          disabled={!item.deployed}
          onClick={() => star(item)}
        />
      </div>
      <div className={css.name}>
        <Link to={to(item)} title={name}>
          {name}
        </Link>
        {item.labels.map((label) => (
          <button
            key={label}
            type="button"
            className={css.label}
            title={t("ui.filterByLabel", { label })}
            onClick={() => filterBy(label)}
          >
            {label}
          </button>
        ))}
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

/** Selection of active items, favourites, or archived items. `set` receives the value of the address. */
export function ShownSelect({ show, set }: { show: string; set: (show: string) => void }) {
  return (
    <Select aria-label={t("ui.show")} value={show} set={set}>
      <option value="">{t("ui.active")}</option>
      <option value={FAVOURITES}>{t("ui.favourites")}</option>
      <option value={ARCHIVED}>{t("ui.archived")}</option>
    </Select>
  );
}
