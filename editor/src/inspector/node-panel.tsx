import { useRef } from "react";
import { ActionButton } from "../actions/button";
import { useEditor } from "../editor/context";
import { useIntegration } from "../integrations/use-catalog";
import { useMedia } from "../lib/use-media";
import { Icon } from "../ui/icon";
import { kindOf } from "../workflow/kinds";
import type { Node } from "../workflow/outline";
import { at, text } from "../workflow/types";
import { EditableForm } from "./editable-form";
import { NodeForm } from "./node-form";
import css from "./node-panel.module.css";
import { NodeTabs, panelId, tabId } from "./node-tabs";
import { NodeTest } from "./node-test";

const WIDE = "(min-width: 1200px)";

/** The panel of a node: its settings, and its input, output and logs in the test or the last run. */
export function NodePanel({ node }: { node: Node }) {
  const wide = useMedia(WIDE);
  const tab = useEditor((editor) => editor.nodeTab);
  const split = useEditor((editor) => editor.beside) && wide && tab !== "settings";
  const form = useFormKey(node);
  return (
    <div className={css.panel} data-tests="node">
      <NodeHead key={node.id} node={node} />
      <NodeTabs wide={wide} />
      <div className={css.body} data-split={split}>
        <div
          id={panelId("settings")}
          className={css.settings}
          role="tabpanel"
          aria-labelledby={tabId("settings")}
          hidden={tab !== "settings" && !split}
        >
          <EditableForm>
            <NodeForm key={form} node={node} />
          </EditableForm>
        </div>
        {tab !== "settings" && <NodeTest key={form} node={node} tab={tab} />}
      </div>
    </div>
  );
}

/** Return a key of the form of a node. A rename does not change it, so that a field that is clicked meanwhile remains. */
function useFormKey({ id, path }: Node): number {
  const graph = useEditor((editor) => editor.graph);
  const count = graph.byId.size;
  const shown = useRef({ id, path, count, key: 0 });
  const before = shown.current;
  // Without the node that undo removed, the next one has its path.
  const isRenamed = before.path.join() === path.join() && before.count === count && !graph.byId.has(before.id);
  shown.current = { id, path, count, key: before.id === id || isRenamed ? before.key : before.key + 1 };
  return shown.current.key;
}

function NodeHead({ node }: { node: Node }) {
  const kind = kindOf(node.kind, node.language);
  const code = useEditor((editor) => text(at(editor.tree, [...node.path, "value", "content"])));
  const integration = useIntegration(code);
  return (
    <div className={css.head}>
      <Icon name={integration?.icon ?? (node.language || kind.icon)} size={18} />
      <h2>{integration?.name ?? kind.name}</h2>
      <ActionButton name="test-node" />
      <ActionButton name="pin" />
      <ActionButton name="disable" />
      <ActionButton name="duplicate" />
      <ActionButton name="delete" />
    </div>
  );
}
