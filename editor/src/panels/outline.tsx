import type { KeyboardEvent } from "react";
import { ActionButton } from "../actions/button";
import { actionOf, perform } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { select } from "../editor/store";
import { LOCALE } from "../texts/language";
import { t } from "../texts/panels";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { Empty } from "../ui/states";
import { kindOf } from "../workflow/kinds";
import type { Lane, Node } from "../workflow/outline";
import tree from "./outline.module.css";

const KEYS: Record<string, string> = {
  n: "add",
  c: "connect",
  Enter: "open",
  Delete: "delete",
  Backspace: "delete",
  d: "disable",
  F2: "rename",
};

/** The workflow as a tree, with the same actions as the canvas. */
export function OutlinePanel() {
  const store = useEditorStore();
  const main = useEditor((editor) => editor.graph.main);
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    const items = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=treeitem]")];
    const place = items.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const action = KEYS[event.key];
    if (step) items[Math.min(Math.max(place + step, 0), items.length - 1)]?.focus();
    else if (action && !event.ctrlKey && !event.metaKey) perform(store, actionOf(action));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={css.pane}>
      <div className={css.head}>
        <h2>{t("panels.outline")}</h2>
        <ActionButton name="add" />
        <ActionButton name="connect" />
        <ActionButton name="delete" />
      </div>
      {main.nodes.length === 0 ? (
        <Empty title={t("panels.noNodes")}>
          <p>{t("panels.addFirst")}</p>
        </Empty>
      ) : (
        <div role="tree" aria-label={t("panels.nodes")} className={tree.tree} onKeyDown={onKey}>
          <Nodes lane={main} level={1} />
        </div>
      )}
    </div>
  );
}

function Nodes({ lane, level }: { lane: Lane; level: number }) {
  return (
    <>
      {lane.nodes.map((node) => (
        <Item key={node.id} node={node} lane={lane} level={level} />
      ))}
    </>
  );
}

/** A list of a node. N adds a node at its start, also to an empty list. */
function LaneItem({ lane, level, of }: { lane: Lane; level: number; of: Node }) {
  const store = useEditorStore();
  const readOnly = useEditor((editor) => editor.readOnly);
  if (!lane.title && lane.nodes.length > 0) return null;
  const title = lane.title || t("panels.body");
  const add = () => store.setState({ dialog: { kind: "add", spot: { lane, start: true } } });
  return (
    <div
      role="treeitem"
      aria-level={level}
      aria-selected={false}
      aria-label={t("panels.listOf", { list: title, node: of.id })}
      tabIndex={-1}
      className={tree.lane}
      onFocus={() => select(store, [of.id])}
      onKeyDown={(event) => {
        if (event.key !== "n" || readOnly) return;
        event.preventDefault();
        event.stopPropagation();
        add();
      }}
    >
      <span>{title}</span>
      {!readOnly && (
        <button
          type="button"
          className={tree.add}
          tabIndex={-1}
          aria-label={t("panels.addAtStart", { list: title })}
          onClick={add}
        >
          <Icon name="plus" size={12} />
        </button>
      )}
    </div>
  );
}

const AND = new Intl.ListFormat(LOCALE);

function Item({ node, lane, level }: { node: Node; lane: Lane; level: number }) {
  const store = useEditorStore();
  const chosen = useEditor((editor) => editor.selection.includes(node.id));
  const first = useEditor((editor) => editor.selection.length === 0 && editor.graph.main.nodes[0]?.id === node.id);
  const after = lane.edges.filter((edge) => edge.to === node.id && edge.explicit).map((edge) => edge.from);
  const kind = kindOf(node.kind, node.language);
  return (
    <>
      <div
        role="treeitem"
        aria-level={level}
        aria-selected={chosen}
        tabIndex={chosen || first ? 0 : -1}
        className={tree.item}
        data-selected={chosen}
        onFocus={() => select(store, [node.id])}
        onClick={(event) => event.currentTarget.focus()}
        onKeyDown={() => {}}
      >
        <Icon name={node.language || kind.icon} />
        <span className={tree.id}>{node.id}</span>
        <span className={tree.summary}>
          {node.summary || kind.name}
          {after.length > 0 && ` · ${t("panels.after", { nodes: AND.format(after) })}`}
        </span>
      </div>
      {node.lanes.map((inner) => (
        // biome-ignore lint/a11y/useSemanticElements: a group of a tree
        <div key={inner.path.join(".")} role="group" className={tree.inner}>
          <LaneItem lane={inner} level={level + 1} of={node} />
          <Nodes lane={inner} level={level + 1} />
        </div>
      ))}
    </>
  );
}
