import { Command } from "cmdk";
import { useEditor, useEditorStore } from "../editor/context";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { matchScore } from "../ui/match-score";
import { endOf } from "./node-actions";

/** Asks into which list of a box a node is added. */
export function AddInsideDialog({ of: container }: { of: string }) {
  const store = useEditorStore();
  const lanes = useEditor((editor) => editor.graph.byId.get(container)?.lanes ?? []);
  return (
    <Dialog title={`Add inside ${container}`} close={() => store.setState({ dialog: null })}>
      <Command label="Branches" loop filter={matchScore}>
        <Command.Input placeholder="Into which branch?" />
        <Command.List>
          {lanes.map((lane, n) => (
            <Command.Item
              key={lane.path.join(".")}
              value={`${n + 1} ${lane.title}`}
              onSelect={() => store.setState({ dialog: { kind: "add", spot: endOf(lane) } })}
            >
              <Icon name="branch" />
              <span>{lane.title || "body"}</span>
              <span className={css.description}>{lane.nodes.map((node) => node.id).join(", ") || "empty"}</span>
            </Command.Item>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
