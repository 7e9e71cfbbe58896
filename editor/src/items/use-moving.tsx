import { lazy, type ReactNode, Suspense, useState } from "react";
import type { Moved } from "../api/moves";

const MoveDialog = lazy(() => import("./move-dialog"));

/**
 * Return a function that opens the dialog that moves an item, and the dialog while it is open.
 * `done` is called with the new path after the move.
 */
export function useMoving(moved: Moved, done: (path: string) => unknown): { move: () => void; dialog: ReactNode } {
  const [open, setOpen] = useState(false);
  const dialog = open && (
    <Suspense>
      <MoveDialog moved={moved} done={done} close={() => setOpen(false)} />
    </Suspense>
  );
  return { move: () => setOpen(true), dialog };
}
