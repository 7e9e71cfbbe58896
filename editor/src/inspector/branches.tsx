import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { t } from "../texts/inspector";
import { Button, IconButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { addBranch, moveBranch, removeBranch } from "../workflow/branches";
import type { Change, Model } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { at } from "../workflow/types";
import { NodeField } from "./field";

/** The branches of a node: their names, conditions and order. */
export function Branches({ node }: { node: Node }) {
  const store = useEditorStore();
  const list = useEditor((editor) => at(editor.tree, [...node.path, "value", "branches"]));
  const count = Array.isArray(list) ? list.length : 0;
  const change = (command: (model: Model) => Change) => attempt(() => apply(store, command));
  const first = node.kind === "branchone";
  return (
    <section className={css.section} aria-label={t("inspector.branches")}>
      <h3>{t("inspector.branches")}</h3>
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a branch has no id
        <fieldset key={index} className={css.branch} aria-label={t("workflow.branch", { number: index + 1 })}>
          <div className={css.head}>
            <h3>{t("workflow.branch", { number: index + 1 })}</h3>
            <IconButton
              label={t("inspector.moveBranchUp", { number: index + 1 })}
              icon="up"
              disabled={index === 0}
              onClick={() => change((model) => moveBranch(model, node, index, -1))}
            />
            <IconButton
              label={t("inspector.moveBranchDown", { number: index + 1 })}
              icon="down"
              disabled={index === count - 1}
              onClick={() => change((model) => moveBranch(model, node, index, 1))}
            />
            <IconButton
              label={t("inspector.removeBranch", { number: index + 1 })}
              icon="trash"
              disabled={count < 2}
              onClick={() => change((model) => removeBranch(model, node, index))}
            />
          </div>
          <NodeField
            node={node.id}
            base={[...node.path, "value", "branches", index]}
            field={{ path: ["summary"], label: t("inspector.branchName"), control: "text" }}
          />
          {first ? (
            <NodeField
              node={node.id}
              base={[...node.path, "value", "branches", index]}
              field={{ path: ["expr"], label: t("inspector.condition"), control: "expr" }}
            />
          ) : (
            <NodeField
              node={node.id}
              base={[...node.path, "value", "branches", index]}
              field={{ path: ["skip_failure"], label: t("inspector.continueOnError"), control: "bool" }}
            />
          )}
        </fieldset>
      ))}
      {first && <p className={css.help}>{t("inspector.switchHelp")}</p>}
      <div className={css.row}>
        <Button icon="plus" onClick={() => change((model) => addBranch(model, node))}>
          {t("inspector.addBranch")}
        </Button>
      </div>
    </section>
  );
}
