import { lazy, type ReactNode, Suspense, useState } from "react";
import type { Shared } from "../api/access";

const SharingDialog = lazy(() => import("./dialog"));

/** Return a function that opens the dialog of who has access to an item, and the dialog while it is open. */
export function useSharing(shared: Shared): { share: () => void; dialog: ReactNode } {
  const [open, setOpen] = useState(false);
  const dialog = open && (
    <Suspense>
      <SharingDialog shared={shared} close={() => setOpen(false)} />
    </Suspense>
  );
  return { share: () => setOpen(true), dialog };
}
