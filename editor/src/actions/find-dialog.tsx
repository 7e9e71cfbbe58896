import { useMemo, useState } from "react";
import { useEditor, useEditorStore } from "../editor/context";
import { select } from "../editor/store";
import { t } from "../texts/actions";
import { dialogCss as css } from "../ui/dialog";
import { SearchDialog } from "../ui/search-dialog";
import { findInNodes } from "../workflow/find";
import { kindOf } from "../workflow/kinds";

const LIMIT = 100;

/** Dialog that searches ids, summaries, code and expressions of nodes, and opens the selected node. */
export function FindDialog() {
  const store = useEditorStore();
  const tree = useEditor((editor) => editor.tree);
  const graph = useEditor((editor) => editor.graph);
  const [word, setWord] = useState("");
  const found = useMemo(() => findInNodes(tree, graph, word), [tree, graph, word]);
  const close = () => store.setState({ dialog: null });
  const go = (id: string) => {
    close();
    select(store, [id]);
    store.setState({ panel: "node" });
    store.getState().canvas?.reveal(id);
  };
  const options = found.slice(0, LIMIT).map(({ id, line }) => {
    const node = graph.byId.get(id);
    return {
      value: id,
      icon: node?.language || kindOf(node?.kind ?? "").icon,
      name: id,
      detail: line !== id && <code className={css.description}>{line}</code>,
      choose: () => go(id),
    };
  });
  return (
    <SearchDialog
      title={t("actions.find")}
      hideTitle
      placeholder={t("actions.findSearch")}
      emptyText={word.trim() === "" ? undefined : t("actions.noMatchingNode")}
      groups={[{ options }]}
      score={() => 1}
      onType={setWord}
      close={close}
    />
  );
}
