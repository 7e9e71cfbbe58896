import { ActionButton } from "../actions/button";
import { useEditor } from "../editor/context";
import { useMedia } from "../lib/use-media";
import { Icon } from "../ui/icon";
import { kindOf } from "../workflow/kinds";
import type { Node } from "../workflow/outline";
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
  return (
    <div className={css.panel}>
      <NodeHead node={node} />
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
            <NodeForm key={node.path.join(".")} node={node} />
          </EditableForm>
        </div>
        {tab !== "settings" && <NodeTest key={node.id} node={node} tab={tab} />}
      </div>
    </div>
  );
}

function NodeHead({ node }: { node: Node }) {
  const kind = kindOf(node.kind, node.language);
  return (
    <div className={css.head}>
      <Icon name={node.language || kind.icon} size={18} />
      <h2>{kind.name}</h2>
      <ActionButton name="test-node" />
      <ActionButton name="pin" />
      <ActionButton name="disable" />
      <ActionButton name="duplicate" />
      <ActionButton name="delete" />
    </div>
  );
}
