import { useQuery } from "@tanstack/react-query";
import { flowsQuery } from "../api/flows";
import { scriptsQuery } from "../api/scripts";
import { Link } from "../routing/link";
import css from "./item-link.module.css";

interface Item {
  workspace: string;
  /** Kind of the item; a workflow or script if it is not known. */
  kind?: string | undefined;
  path: string;
}

/** Return the name of a workflow or script; "" of one without a name, and of other items. */
export function useItemName({ workspace, kind, path }: Item): string {
  const isWanted = (each: string) => path !== "" && (kind ?? each) === each;
  const flows = useQuery({ ...flowsQuery(workspace), enabled: isWanted("flow") }).data ?? [];
  const scripts = useQuery({ ...scriptsQuery(workspace), enabled: isWanted("script") }).data ?? [];
  const flow = isWanted("flow") ? flows.find((each) => each.path === path) : undefined;
  const script = isWanted("script") ? scripts.find((each) => each.path === path) : undefined;
  return flow?.summary || script?.summary || "";
}

/** Name of an item with its path, or the path alone. `to`: the page of the item. */
export function ItemLink({ to, className, ...item }: Item & { to?: string | undefined; className?: string }) {
  const name = useItemName(item);
  const path = <code className={name ? css.path : undefined}>{item.path}</code>;
  return (
    <>
      {to ? (
        <Link className={className} to={to}>
          {name || item.path}
        </Link>
      ) : (
        name || path
      )}
      {name && <> {path}</>}
    </>
  );
}
