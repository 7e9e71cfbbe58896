/** A folder of a list with the items directly in it. */
export interface Folder<T> {
  path: string;
  /** The part below the folder around it, for example `f/team`, `reports`. */
  name: string;
  /** Number of folders around it. */
  depth: number;
  items: T[];
  /** Number of items in it and in the folders inside. */
  count: number;
}

/**
 * Return the folders of items that are sorted by path, each before the folders inside, in the order of the paths.
 * The folders inside a closed one are left out.
 */
export function foldersOf<T extends { path: string }>(items: readonly T[], closed: ReadonlySet<string>): Folder<T>[] {
  const folders = new Map<string, Folder<T>>();
  for (const item of items) {
    const around = pathsAround(item.path);
    for (const [depth, path] of around.entries()) {
      const folder = folders.get(path) ?? { path, name: nameOf(path, depth), depth, items: [], count: 0 };
      folder.count++;
      if (depth === around.length - 1) folder.items.push(item);
      folders.set(path, folder);
    }
  }
  const sorted = [...folders.values()].sort((a, b) => compareParts(a.path, b.path));
  return sorted.filter(({ path }) => ![...closed].some((each) => path.startsWith(`${each}/`)));
}

/** Return the folders around an item, outermost first: `f/a` and `f/a/b` for `f/a/b/item`. */
function pathsAround(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(2).map((_, index) => parts.slice(0, index + 2).join("/"));
}

const nameOf = (path: string, depth: number): string => (depth === 0 ? path : (path.split("/").at(-1) ?? path));

/** Compare paths part by part, so that a folder is directly before the folders inside it. */
function compareParts(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = (left[index] ?? "").localeCompare(right[index] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
