import { ActionButton } from "../actions/button";
import { spotAfter } from "../actions/node-actions";
import { searchOf } from "../actions/views";
import { useEditor, useEditorStore } from "../editor/context";
import { useNavigate, useSearchParams } from "../routing/hooks";
import { t } from "../texts/triggers";
import { Button } from "../ui/controls";
import panel from "../ui/panel.module.css";
import { Empty } from "../ui/states";

const useIsEmpty = (): boolean => useEditor((editor) => editor.graph.byId.size === 0);

/** The steps before a workflow can have triggers: nodes, then a deployment. */
export function NotDeployed() {
  const empty = useIsEmpty();
  if (empty) return <NoNodes />;
  return (
    <Empty title={t("triggers.notDeployed")}>
      <p>{t("triggers.notDeployedHint")}</p>
      <ActionButton name="deploy" words main />
    </Empty>
  );
}

/** The first step to a trigger: a node, which is added on the graph. */
function NoNodes() {
  const store = useEditorStore();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const readOnly = useEditor((editor) => editor.readOnly);
  const add = async () => {
    if (search.has("view")) await navigate({ search: searchOf("graph") });
    store.setState({ dialog: { kind: "add", spot: spotAfter(store.getState()) } });
  };
  return (
    <Empty title={t("triggers.noNodes")}>
      <p>{t("triggers.noNodesHint")}</p>
      {!readOnly && (
        <Button look="main" icon="plus" onClick={() => void add()}>
          {t("triggers.addNode")}
        </Button>
      )}
    </Empty>
  );
}

/** A warning that triggers of a workflow without nodes have no effect. */
export function StartsNothing() {
  const empty = useIsEmpty();
  if (!empty) return null;
  return (
    <p className={panel.problem} data-severity="warning" role="status">
      {t("triggers.startsNothing")}
    </p>
  );
}
