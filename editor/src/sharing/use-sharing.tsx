import { type ReactNode, useState } from "react";
import type { Shared } from "../api/access";
import { lazyComponent } from "../lib/lazy-component";

const SharingDialog = lazyComponent(() => import("./dialog"));

/** Return a function that opens the dialog of who has access to an item, and the dialog while it is open. */
export function useSharing(shared: Shared): { share: () => void; dialog: ReactNode } {
  const [open, setOpen] = useState(false);
  const dialog = open && <SharingDialog shared={shared} close={() => setOpen(false)} />;
  return { share: () => setOpen(true), dialog };
}
