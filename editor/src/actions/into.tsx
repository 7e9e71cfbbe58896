import { Command } from "cmdk";
import { useEditor, useEditorStore } from "../editing/context";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { matching } from "../ui/matching";
import { endOf } from "./composing";

/** Asks into which list of a box a node is added. */
export function IntoDialog({ of }: { of: string }) {
  const store = useEditorStore();
  const lanes = useEditor((editor) => editor.graph.byId.get(of)?.lanes ?? []);
  return (
    <Dialog title={`Add inside ${of}`} close={() => store.setState({ asking: null })}>
      <Command label="Branches" loop filter={matching}>
        <Command.Input placeholder="Into which branch?" />
        <Command.List>
          {lanes.map((lane, n) => (
            <Command.Item
              key={lane.path.join(".")}
              value={`${n + 1} ${lane.title}`}
              onSelect={() => store.setState({ asking: { what: "add", spot: endOf(lane) } })}
            >
              <Icon name="branch" />
              <span>{lane.title || "body"}</span>
              <span className={css.says}>{lane.nodes.map((node) => node.id).join(", ") || "empty"}</span>
            </Command.Item>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
