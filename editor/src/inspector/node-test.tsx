import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { ActionButton } from "../actions/button";
import { attempt } from "../actions/registry";
import { LazyCode } from "../code/lazy-code";
import { useEditor, useEditorStore } from "../editor/context";
import { loadLastResults } from "../editor/last-results";
import { isTesting, nodeStateOf, testNode } from "../editor/run-watch";
import { apply, type Editor } from "../editor/store";
import { InputForm } from "../forms/input-form";
import { t } from "../texts/inspector";
import { Button } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { Status } from "../ui/status";
import { laneOf, reaches, setField } from "../workflow/commands";
import { exampleOf } from "../workflow/example";
import type { Node } from "../workflow/outline";
import { pin, pinOf, unpin } from "../workflow/pins";
import { at, isTree, type Json, type Tree } from "../workflow/types";
import { NodeData } from "./node-data";
import { TestProgress } from "./test-progress";

/** Load the results of the last run once while the page is open. */
export function useLastRun(): void {
  const store = useEditorStore();
  const { workspace, flow } = store.getState();
  useQuery({
    queryKey: ["last-run", workspace, flow.path],
    queryFn: () => loadLastResults(store),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** The test of one node beside its form: its upstream data and its output. */
export function NodeTest({ node }: { node: Node }) {
  const store = useEditorStore();
  const live = useEditor((editor) => editor.live);
  const schema = useEditor((editor) => at(editor.tree, ["schema"]));
  const args = useEditor((editor) => editor.args);
  const [rerun, setAgain] = useState<Set<string>>(new Set());
  const busy = useEditor(isTesting);
  const run = (given: Tree, all: boolean) => attempt(() => testNode(store, node.id, given, all ? "all" : rerun));
  const given = args ?? exampleOf(schema);
  const asks = isTree(at(schema, ["properties"]) ?? null) && Object.keys(at(schema, ["properties"]) as Tree).length > 0;
  const state = useEditor(useShallow((editor: Editor) => nodeStateOf(editor, node.id)));
  return (
    <section className={css.pane} aria-label={t("inspector.testOf", { node: node.id })}>
      <div className={css.head}>
        <h2>{t("inspector.test")}</h2>
      </div>
      <div className={css.buttons}>
        <Button look="main" icon="play" disabled={busy} onClick={() => run(given ?? {}, false)}>
          {t("inspector.testNode", { node: node.id })}
        </Button>
        <Button icon="play" disabled={busy} onClick={() => run(given ?? {}, true)}>
          {t("inspector.runToHere")}
        </Button>
      </div>
      {node.inside && <p className={css.help}>{t("inspector.testsContainer")}</p>}
      <UpstreamData node={node} again={rerun} setAgain={setAgain} />
      {asks && (
        <details className={css.section} open={given === null}>
          <summary>{t("workflow.input")}</summary>
          <InputForm
            schema={schema}
            busy={busy}
            initial={given}
            submitLabel={t("inspector.testWithInput")}
            run={(next) => testNode(store, node.id, next, rerun)}
          />
        </details>
      )}
      {live && state && (
        <div className={css.section} role="status">
          <div className={css.buttons}>
            <Status status={state.status} />
          </div>
          {state.error && !state.job && <p className={css.problem}>{state.error}</p>}
          <NodeData run={live.id} id={node.id} node={state} log={live.logs[node.id]} />
        </div>
      )}
      {live && !state && (
        <div className={css.section} role="status">
          {live.graph ? (
            <p className={css.help}>{t("inspector.notInTest", { node: node.id })}</p>
          ) : (
            <Status status={live.status} />
          )}
        </div>
      )}
      {live && <TestProgress live={live} id={node.id} />}
      <LastResult node={node} shown={state?.status === "succeeded"} />
      <PinnedOutput node={node} />
    </section>
  );
}

type UpstreamSource = "last" | "pinned" | "run";

interface BeforeProps {
  node: Node;
  again: Set<string>;
  setAgain: (again: Set<string>) => void;
}

/** The nodes before it, each with the source of its data in the test. */
function UpstreamData({ node, again, setAgain }: BeforeProps) {
  const graph = useEditor((editor) => editor.graph);
  let top = node;
  while (top.inside) top = graph.byId.get(top.inside) ?? top;
  if (top.list.length < 2) return null;
  const lane = laneOf(graph, top);
  const before = lane.nodes.filter((each) => each.id !== top.id && reaches(lane, each.id, top.id));
  if (before.length === 0) return null;
  return (
    <div className={css.section}>
      <h3>{t("inspector.upstreamData")}</h3>
      {before.map((each) => (
        <UpstreamNode
          key={each.id}
          node={each}
          again={again.has(each.id)}
          setAgain={(yes) => {
            const next = new Set(again);
            if (yes) next.add(each.id);
            else next.delete(each.id);
            setAgain(next);
          }}
        />
      ))}
    </div>
  );
}

function UpstreamNode({ node, again, setAgain }: { node: Node; again: boolean; setAgain: (yes: boolean) => void }) {
  const store = useEditorStore();
  const known = useEditor((editor) => Object.hasOwn(editor.results, node.id));
  const pinned = useEditor((editor) => pinOf(at(editor.tree, node.path))?.enabled === true);
  const way: UpstreamSource = pinned ? "pinned" : known && !again ? "last" : "run";
  const choose = (next: UpstreamSource) => {
    setAgain(next === "run");
    if (pinned && next !== "pinned") attempt(() => apply(store, (model) => unpin(model, node.id)));
    if (!pinned && next === "pinned") {
      attempt(() => apply(store, (model) => pin(model, node.id, store.getState().results[node.id])));
    }
  };
  return (
    <div className={css.edge}>
      <span>{node.id}</span>
      <Select
        aria-label={t("inspector.dataOf", { node: node.id })}
        value={way}
        set={(next) => choose(next as UpstreamSource)}
      >
        {known && <option value="last">{t("inspector.lastOutput")}</option>}
        {(known || pinned) && <option value="pinned">{t("inspector.pinnedOutput")}</option>}
        <option value="run">{t("inspector.runNode")}</option>
      </Select>
    </div>
  );
}

const LONGEST_SHOWN = 20_000;

/** The last output of the node, unless the test already shows it. */
function LastResult({ node, shown }: { node: Node; shown: boolean }) {
  const known = useEditor((editor) => Object.hasOwn(editor.results, node.id));
  const result = useEditor((editor) => editor.results[node.id]);
  if (!known) return null;
  return (
    <div className={css.section}>
      <div className={css.head}>
        <h3 className={css.fill}>{shown ? t("inspector.reuseOutput") : t("inspector.lastOutput")}</h3>
        <ActionButton name="pin" words />
      </div>
      {!shown && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
        <pre className={css.value} tabIndex={0} data-last={node.id}>
          {JSON.stringify(result, null, 2).slice(0, LONGEST_SHOWN)}
        </pre>
      )}
    </div>
  );
}

/** The output that the node returns instead of running: entered here, or pinned from a result. */
function PinnedOutput({ node }: { node: Node }) {
  const store = useEditorStore();
  const mock = useEditor((editor) => at(editor.tree, [...node.path, "mock"]));
  const [typed, setTyped] = useState<string | null>(null);
  const found = pinOf({ mock: mock ?? null });
  const path = [...node.path, "mock"];
  const storeMock = (next: { enabled: boolean; return_value: Json | undefined }, name: string) =>
    attempt(() =>
      apply(
        store,
        (model) => setField(model, path, { enabled: next.enabled, return_value: next.return_value ?? null }, name),
        path.join("."),
      ),
    );
  const shownText = typed ?? JSON.stringify(found?.value ?? null, null, 2);
  const fault = read(shownText).fault;
  return (
    <details className={css.section} open={found !== null}>
      <summary>{t("inspector.pinnedOutput")}</summary>
      <div className={css.inner}>
        <label className={css.check}>
          <input
            type="checkbox"
            checked={found?.enabled ?? false}
            onChange={(event) => {
              const enabled = event.target.checked;
              const name = enabled ? t("workflow.pin", { node: node.id }) : t("workflow.unpin", { node: node.id });
              storeMock({ enabled, return_value: found?.value }, name);
            }}
          />
          <span className={css.label}>{t("inspector.returnPinned")}</span>
        </label>
        <LazyCode
          label={t("inspector.pinnedOutputOf", { node: node.id })}
          language="json"
          text={shownText}
          changed={(text) => {
            setTyped(text);
            const { value, fault: wrong } = read(text);
            const name = t("inspector.setPinned", { node: node.id });
            if (wrong === null) storeMock({ enabled: found?.enabled ?? true, return_value: value }, name);
          }}
          lines={4}
        />
        {fault && (
          <p className={css.problem} role="alert">
            {t("inspector.invalidJson")}
          </p>
        )}
      </div>
    </details>
  );
}

function read(text: string): { value: Json | undefined; fault: string | null } {
  try {
    return { value: JSON.parse(text), fault: null };
  } catch (error) {
    return { value: undefined, fault: String(error) };
  }
}
