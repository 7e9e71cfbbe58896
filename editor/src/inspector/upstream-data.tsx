import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { t } from "../texts/inspector";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { laneOf, reaches } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { pin, pinOf, unpin } from "../workflow/pins";
import { at } from "../workflow/types";

type UpstreamSource = "last" | "pinned" | "run";

interface BeforeProps {
  node: Node;
  again: Set<string>;
  setAgain: (again: Set<string>) => void;
}

/** The nodes before it, each with the source of its data in the test. */
export function UpstreamData({ node, again, setAgain }: BeforeProps) {
  const graph = useEditor((editor) => editor.graph);
  let top = node;
  while (top.inside) top = graph.byId.get(top.inside) ?? top;
  if (top.list.length < 2) return null;
  const lane = laneOf(graph, top);
  const before = lane.nodes.filter((each) => each.id !== top.id && reaches(lane, each.id, top.id));
  if (before.length === 0) return null;
  return (
    <div className={css.section}>
      <h3>{t("inspector.upstreamData")}</h3>
      {before.map((each) => (
        <UpstreamNode
          key={each.id}
          node={each}
          again={again.has(each.id)}
          setAgain={(yes) => {
            const next = new Set(again);
            if (yes) next.add(each.id);
            else next.delete(each.id);
            setAgain(next);
          }}
        />
      ))}
    </div>
  );
}

function UpstreamNode({ node, again, setAgain }: { node: Node; again: boolean; setAgain: (yes: boolean) => void }) {
  const store = useEditorStore();
  const known = useEditor((editor) => Object.hasOwn(editor.results, node.id));
  const pinned = useEditor((editor) => pinOf(at(editor.tree, node.path))?.enabled === true);
  const way: UpstreamSource = pinned ? "pinned" : known && !again ? "last" : "run";
  const choose = (next: UpstreamSource) => {
    setAgain(next === "run");
    if (pinned && next !== "pinned") attempt(() => apply(store, (model) => unpin(model, node.id)));
    if (!pinned && next === "pinned") {
      attempt(() => apply(store, (model) => pin(model, node.id, store.getState().results[node.id])));
    }
  };
  return (
    <div className={css.edge}>
      <span>{node.id}</span>
      <Select
        aria-label={t("inspector.dataOf", { node: node.id })}
        value={way}
        set={(next) => choose(next as UpstreamSource)}
      >
        {known && <option value="last">{t("inspector.lastOutput")}</option>}
        {(known || pinned) && <option value="pinned">{t("inspector.pinnedOutput")}</option>}
        <option value="run">{t("inspector.runNode")}</option>
      </Select>
    </div>
  );
}
