import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { Button, IconButton } from "../ui/controls";
import css from "../ui/panel.module.css";
import { addBranch, moveBranch, removeBranch } from "../workflow/branches";
import type { Change, Model } from "../workflow/commands";
import type { Node } from "../workflow/outline";
import { at } from "../workflow/types";
import { NodeField } from "./field";

/** The ways of a branching node: when each is taken, in which order, more and fewer of them. */
export function Branches({ node }: { node: Node }) {
  const store = useEditorStore();
  const list = useEditor((editor) => at(editor.tree, [...node.path, "value", "branches"]));
  const count = Array.isArray(list) ? list.length : 0;
  const change = (command: (model: Model) => Change) => attempt(() => apply(store, command));
  const first = node.kind === "branchone";
  return (
    <section className={css.section} aria-label="Branches">
      <h3>{first ? "Branches: the first that holds is taken" : "Branches: all are taken"}</h3>
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a branch has no other name than its place
        <fieldset key={index} className={css.branch} aria-label={`Branch ${index + 1}`}>
          <div className={css.head}>
            <h3>Branch {index + 1}</h3>
            <IconButton
              label={`Move branch ${index + 1} up`}
              icon="up"
              disabled={index === 0}
              onClick={() => change((model) => moveBranch(model, node, index, -1))}
            />
            <IconButton
              label={`Move branch ${index + 1} down`}
              icon="down"
              disabled={index === count - 1}
              onClick={() => change((model) => moveBranch(model, node, index, 1))}
            />
            <IconButton
              label={`Remove branch ${index + 1}`}
              icon="trash"
              disabled={count < 2}
              onClick={() => change((model) => removeBranch(model, node, index))}
            />
          </div>
          <NodeField
            node={node.id}
            base={[...node.path, "value", "branches", index]}
            field={{ path: ["summary"], label: "Name of the branch", control: "text" }}
          />
          {first ? (
            <NodeField
              node={node.id}
              base={[...node.path, "value", "branches", index]}
              field={{ path: ["expr"], label: "Taken if", control: "expr" }}
            />
          ) : (
            <NodeField
              node={node.id}
              base={[...node.path, "value", "branches", index]}
              field={{ path: ["skip_failure"], label: "Go on where it fails", control: "bool" }}
            />
          )}
        </fieldset>
      ))}
      {first && <p className={css.help}>Where none holds, the way “otherwise” is taken; it may be empty.</p>}
      <div className={css.row}>
        <Button icon="plus" onClick={() => change((model) => addBranch(model, node))}>
          Add a branch
        </Button>
      </div>
    </section>
  );
}
