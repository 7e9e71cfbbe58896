import { useQuery } from "@tanstack/react-query";
import { CATALOG, type CatalogEntry, showEntries } from "../workflow/catalog";

/** Return all kinds of nodes that can be added. The integrations are loaded when they are shown first. */
export function useCatalog(): readonly CatalogEntry[] {
  const found = useQuery({
    queryKey: ["integrations"],
    staleTime: Number.POSITIVE_INFINITY,
    networkMode: "always",
    queryFn: async () => {
      const entries = [...CATALOG, ...(await import("./entries")).INTEGRATIONS];
      showEntries(entries);
      return entries;
    },
  });
  return found.data ?? CATALOG;
}
