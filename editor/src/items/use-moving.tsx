import { type ReactNode, useState } from "react";
import type { Moved } from "../api/moves";
import { lazyComponent } from "../lib/lazy-component";

const MoveDialog = lazyComponent(() => import("./move-dialog"));

/**
 * Return a function that opens the dialog that moves an item, and the dialog while it is open.
 * `done` is called with the new path after the move.
 */
export function useMoving(moved: Moved, done: (path: string) => unknown): { move: () => void; dialog: ReactNode } {
  const [open, setOpen] = useState(false);
  const dialog = open && <MoveDialog moved={moved} done={done} close={() => setOpen(false)} />;
  return { move: () => setOpen(true), dialog };
}
