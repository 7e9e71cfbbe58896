import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
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

/** Return true if a node has the ready-made code of an integration when it is first shown. */
export function useIsIntegration(code: string): boolean {
  const catalog = useCatalog();
  const first = useRef(code);
  return catalog.some((entry) => entry.code === first.current);
}
