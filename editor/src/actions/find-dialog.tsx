import { Command } from "cmdk";
import { useMemo, useState } from "react";
import { useEditor, useEditorStore } from "../editor/context";
import { select } from "../editor/store";
import { t } from "../texts/actions";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
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
  return (
    <Dialog title={t("actions.find")} hideTitle close={close}>
      <Command label={t("actions.find")} loop shouldFilter={false}>
        <Command.Input placeholder={t("actions.findSearch")} value={word} onValueChange={setWord} />
        <Command.List>
          {word.trim() !== "" && <Command.Empty>{t("actions.noMatchingNode")}</Command.Empty>}
          {found.slice(0, LIMIT).map(({ id, line }) => {
            const node = graph.byId.get(id);
            return (
              <Command.Item key={id} value={id} onSelect={() => go(id)}>
                <Icon name={node?.language || kindOf(node?.kind ?? "").icon} />
                <span>{id}</span>
                {line !== id && <code className={css.description}>{line}</code>}
              </Command.Item>
            );
          })}
        </Command.List>
      </Command>
    </Dialog>
  );
}
