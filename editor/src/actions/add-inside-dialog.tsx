import { Command } from "cmdk";
import { useEditor, useEditorStore } from "../editor/context";
import { t } from "../texts/actions";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { matchScore } from "../ui/match-score";
import { endOf } from "./node-actions";

/** Dialog that selects the branch of a container to which a node is added. */
export function AddInsideDialog({ of: container }: { of: string }) {
  const store = useEditorStore();
  const lanes = useEditor((editor) => editor.graph.byId.get(container)?.lanes ?? []);
  return (
    <Dialog title={t("actions.addInsideOf", { container })} close={() => store.setState({ dialog: null })}>
      <Command label={t("actions.branches")} loop filter={matchScore}>
        <Command.Input placeholder={t("actions.branchSearch")} />
        <Command.List>
          {lanes.map((lane, n) => (
            <Command.Item
              key={lane.path.join(".")}
              value={`${n + 1} ${lane.title}`}
              onSelect={() => store.setState({ dialog: { kind: "add", spot: endOf(lane) } })}
            >
              <Icon name="branch" />
              <span>{lane.title || t("actions.body")}</span>
              <span className={css.description}>
                {lane.nodes.map((node) => node.id).join(", ") || t("actions.empty")}
              </span>
            </Command.Item>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
