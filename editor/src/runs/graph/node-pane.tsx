import { lazy, Suspense } from "react";
import { useShallow } from "zustand/react/shallow";
import { useEditor } from "../../editing/context";
import { standsOf } from "../../editing/live";
import type { Editor } from "../../editing/store";
import { IconButton } from "../../ui/controls";
import css from "../page.module.css";
import { Status } from "../status";

const Pausing = lazy(async () => ({ default: (await import("../pausing/pausing")).Pausing }));

/** How one node stands. */
export function NodePane({ id, close }: { id: string; close: () => void }) {
  const stands = useEditor(useShallow((editor: Editor) => standsOf(editor, id)));
  return (
    <aside className={css.side} aria-label={`Node ${id}`}>
      <div className={css.sideHead}>
        <h2>{id}</h2>
        {stands && <Status status={stands.status} />}
        <IconButton label="Close" icon="cross" onClick={close} />
      </div>
      <Suspense>
        <Pausing node={id} />
      </Suspense>
    </aside>
  );
}
