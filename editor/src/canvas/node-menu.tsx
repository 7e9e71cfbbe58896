import { type MouseEvent, useCallback, useState } from "react";
import { useEditorStore } from "../editor/context";
import { select } from "../editor/store";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/canvas";

const ActionMenu = lazyComponent(async () => ({ default: (await import("../actions/menu")).ActionMenu }));

const GROUPS = [
  ["open", "rename", "add", "add-inside", "connect", "replace"],
  ["test-node", "test-up-to", "pin", "disable"],
  ["copy", "cut", "duplicate", "group", "ungroup", "fold"],
  ["delete", "cut-out"],
];

/** Return the context menu of nodes and the handler that opens it, by a right click or the menu key. */
export function useNodeMenu() {
  const store = useEditorStore();
  const [menu, setMenu] = useState<{ x: number; y: number } | null>(null);
  const open = useCallback(
    (event: MouseEvent, { id, type }: { id: string; type?: string | undefined }) => {
      const { readOnly, selection } = store.getState();
      if (readOnly || type === "lane" || type === "start") return;
      event.preventDefault();
      if (!selection.includes(id)) select(store, [id]);
      setMenu({ x: event.clientX, y: event.clientY });
    },
    [store],
  );
  const element = menu && (
    <ActionMenu label={t("canvas.nodeMenu")} at={menu} groups={GROUPS} enabledOnly close={() => setMenu(null)} />
  );
  return { open, element };
}
