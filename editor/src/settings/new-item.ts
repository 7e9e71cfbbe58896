import { useUrlParams } from "../ui/use-url-params";

/** Item that the address asks to create: `?new=<path>`, with `&type=<type>` for a resource. */
interface NewItem {
  isAsked: boolean;
  folder: string;
  /** Path below the folder. */
  name: string;
  type: string;
  /** Remove the item from the address. */
  end: () => void;
}

/** Return the item that the address asks to create. */
export function useNewItem(): NewItem {
  const [search, set] = useUrlParams();
  const path = search.get("new") ?? "";
  const parts = path.split("/");
  return {
    isAsked: path !== "",
    folder: parts.slice(0, 2).join("/"),
    name: parts.slice(2).join("/"),
    type: search.get("type") ?? "",
    end: () => {
      set("new", "");
      set("type", "");
    },
  };
}
