import { useEditor, useEditorStore } from "../editor/context";
import { t } from "../texts/actions";
import { dialogCss as css } from "../ui/dialog";
import { SearchDialog } from "../ui/search-dialog";
import { endOf } from "./node-actions";

/** Dialog that selects the branch of a container to which a node is added. */
export function AddInsideDialog({ of: container }: { of: string }) {
  const store = useEditorStore();
  const lanes = useEditor((editor) => editor.graph.byId.get(container)?.lanes ?? []);
  const options = lanes.map((lane, n) => ({
    value: `${n + 1} ${lane.title}`,
    icon: "branch",
    name: lane.title || t("actions.body"),
    detail: (
      <span className={css.description}>{lane.nodes.map((node) => node.id).join(", ") || t("actions.empty")}</span>
    ),
    choose: () => store.setState({ dialog: { kind: "add", spot: endOf(lane) } }),
  }));
  return (
    <SearchDialog
      title={t("actions.addInsideOf", { container })}
      label={t("actions.branches")}
      placeholder={t("actions.branchSearch")}
      groups={[{ options }]}
      close={() => store.setState({ dialog: null })}
    />
  );
}
