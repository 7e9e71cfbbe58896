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

/** Return the integration whose ready-made code a node has when it is first shown; undefined if there is none. */
export function useIntegration(code: string): CatalogEntry | undefined {
  const catalog = useCatalog();
  const first = useRef(code);
  return first.current === "" ? undefined : catalog.find((entry) => entry.code === first.current);
}
