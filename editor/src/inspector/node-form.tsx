import { useId, useState } from "react";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { useEditor, useEditorStore } from "../editor/context";
import { apply } from "../editor/store";
import { useIntegration } from "../integrations/use-catalog";
import { errorText } from "../lib/api-error";
import { t } from "../texts/inspector";
import { textOfCode } from "../texts/t";
import { Field, IconButton, Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { SET_FIELDS } from "../workflow/catalog";
import { disconnect, laneOf, rename, setOutcome } from "../workflow/commands";
import { OUTCOME_NAMES, outcomeHelp } from "../workflow/outcome-names";
import { type Edge, type Node, outcomesOf } from "../workflow/outline";
import { isPinned } from "../workflow/pins";
import { at, type Outcome, text } from "../workflow/types";
import { FieldProblems, NodeField, Problems } from "./field";
import { fieldsOf, JOIN_FIELD, WITH_INPUTS } from "./fields";
import { Inputs } from "./inputs";
import { SuspendForm } from "./suspend-form";
import { useProblemsAt } from "./use-sources";
import { KindFields } from "./workflow-form";

/** The settings of a node. */
export function NodeForm({ node }: { node: Node }) {
  const { common } = fieldsOf(node.kind);
  return (
    <div className={css.pane}>
      <PinnedNotice node={node} />
      <IdField node={node} />
      <NodeField
        node={node.id}
        base={node.path}
        field={{ path: ["summary"], label: t("inspector.summary"), control: "text" }}
      />
      {node.kind === "rawscript" ? <CodeFields node={node} /> : <ActionFields node={node} />}
      <IncomingEdges node={node} />
      <details className={css.section}>
        <summary>{t("inspector.advanced")}</summary>
        <div className={css.inner}>
          {common.map((field) => (
            <NodeField key={field.path.join(".")} node={node.id} base={node.path} field={field} />
          ))}
        </div>
      </details>
      {node.kind !== "approval" && <SuspendForm node={node} />}
    </div>
  );
}

/** The fields of the action of a node, then its inputs. */
function ActionFields({ node }: { node: Node }) {
  return (
    <>
      <MainFields node={node} />
      <KindFields node={node} />
      {WITH_INPUTS.has(node.kind) && <Inputs node={node} />}
    </>
  );
}

/** Return the label of an input of an integration. */
const inputLabel = (name: string): string => textOfCode(`codes.input_${name}`, name);

const FIELD_TEXTS = {
  title: t("inspector.fields"),
  none: t("inspector.noOutputFields"),
  name: t("inspector.fieldName"),
};

/** The code and the inputs of a node. Those of an integration come first, as its code needs no change. */
function CodeFields({ node }: { node: Node }) {
  const code = useEditor((editor) => text(at(editor.tree, [...node.path, "value", "content"])));
  const entry = useIntegration(code);
  if (!entry) return <ActionFields node={node} />;
  return (
    <>
      {entry.code === SET_FIELDS ? (
        <Inputs node={node} texts={FIELD_TEXTS} />
      ) : (
        <Inputs node={node} labelOf={inputLabel} />
      )}
      <MainFields node={node} />
    </>
  );
}

function MainFields({ node }: { node: Node }) {
  return fieldsOf(node.kind).main.map((field) => (
    <NodeField key={field.path.join(".")} node={node.id} base={node.path} field={field} />
  ));
}

/** A notice that the node does not run because its output is pinned. */
function PinnedNotice({ node }: { node: Node }) {
  const pinned = useEditor((editor) => isPinned(editor, node.id));
  if (!pinned) return null;
  return (
    <div className={css.pinnedNotice} role="status">
      <Icon name="pin" size={14} />
      <span>{t("inspector.pinned")}</span>
      <ActionButton name="pin" words />
    </div>
  );
}

/**
 * The id, changed when the field loses the focus: every letter would rewrite the references. A refused id remains in the
 * field, with the reason below it.
 */
function IdField({ node }: { node: Node }) {
  const store = useEditorStore();
  const [typed, setTyped] = useState<string | null>(null);
  const [refusal, setRefusal] = useState("");
  const [shown, setShown] = useState(node.id);
  // The field remains when an undo renames the node, or shows another one in its place.
  if (shown !== node.id) {
    setShown(node.id);
    setTyped(null);
    setRefusal("");
  }
  const commit = () => {
    if (typed === null) return;
    try {
      apply(store, (model) => rename(model, node.id, typed));
      setTyped(null);
    } catch (error) {
      setRefusal(errorText(error));
    }
  };
  return (
    <Field label={t("inspector.id")} help={t("inspector.idHelp")} error={refusal}>
      <Input
        data-field="id"
        value={typed ?? node.id}
        spellCheck={false}
        aria-invalid={refusal !== ""}
        onChange={(event) => {
          setTyped(event.target.value);
          setRefusal("");
        }}
        onBlur={commit}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
    </Field>
  );
}

/** The edges that lead to the node, their problems, and after which of several it starts. */
function IncomingEdges({ node }: { node: Node }) {
  const graph = useEditor((editor) => editor.graph);
  const problems = useProblemsAt(node.path, true);
  if (node.list.length < 2) return null;
  const edges = laneOf(graph, node).edges.filter((edge) => edge.to === node.id);
  return (
    <section className={css.section}>
      <h3>{t("inspector.runsAfter")}</h3>
      {edges.length === 0 && <p className={css.help}>{t("inspector.startsImmediately")}</p>}
      {edges.map((edge) => (
        <EdgeRow key={`${edge.from}:${edge.on}`} edge={edge} />
      ))}
      <Problems found={problems} />
      <FieldProblems path={[...node.path, "needs"]} />
      {edges.length > 1 && <NodeField node={node.id} base={node.path} field={JOIN_FIELD} />}
    </section>
  );
}

/** An edge: its source, its outcome with the meaning, and a button to remove it. */
export function EdgeRow({ edge }: { edge: Edge }) {
  const store = useEditorStore();
  const source = useEditor((editor) => editor.graph.byId.get(edge.from));
  const help = useId();
  return (
    <div>
      <div className={css.edge}>
        <span>{edge.from}</span>
        <Select
          aria-label={t("inspector.outcome", { node: edge.from })}
          aria-describedby={help}
          value={edge.on}
          set={(next) => attempt(() => apply(store, (model) => setOutcome(model, edge, next as Outcome)))}
        >
          {outcomesOf(source?.kind ?? "").map((outcome) => (
            <option key={outcome} value={outcome}>
              {OUTCOME_NAMES[outcome]}
            </option>
          ))}
        </Select>
        <IconButton
          label={t("inspector.disconnect", { node: edge.from })}
          icon="cross"
          onClick={() => attempt(() => apply(store, (model) => disconnect(model, edge)))}
        />
      </div>
      {source && (
        <p id={help} className={css.help}>
          {outcomeHelp(source, edge.on)}
        </p>
      )}
    </div>
  );
}
