import { useMemo } from "react";
import type { TestResults } from "../api/workflow-tests";
import { useEditor } from "../editor/context";
import { textOf } from "../editor/store";
import { t } from "../texts/workflow-tests";
import { Icon } from "../ui/icon";
import { DifferenceGraph } from "../versions/graph";
import { edgeKey } from "../workflow/compare";
import css from "./workflow-tests.module.css";

const SAME = { same: true };

/** The deployed graph, with the nodes and edges that no test covers. */
export function Coverage({ results }: { results: TestResults }) {
  const text = useEditor((editor) => textOf(editor.flow));
  const { nodes, edges } = useMemo(() => {
    const key = (edge: TestResults["edges"][number]) => edgeKey({ from: edge.source, to: edge.target, on: edge.on });
    return {
      nodes: new Map(results.nodes.map((each) => [each.id, each.covered])),
      edges: new Map(results.edges.map((each) => [key(each), each.covered])),
    };
  }, [results]);
  const count = (all: ReadonlyMap<string, boolean>) => [...all.values()].filter(Boolean).length;
  return (
    <section className={css.coverage} aria-label={t("workflow-tests.coverage")}>
      <p className={css.counts}>
        {t("workflow-tests.covered", {
          nodes: count(nodes),
          allNodes: nodes.size,
          edges: count(edges),
          allEdges: edges.size,
        })}
      </p>
      <DifferenceGraph
        before={text}
        after={text}
        difference={SAME}
        names={["", t("workflow-tests.coverage")]}
        overlay={{
          note: (id) => nodes.has(id) && <Mark covered={nodes.get(id) === true} onNode />,
          edgeNote: (edge) => edges.get(edgeKey(edge)) === false && <Mark covered={false} />,
        }}
      />
    </section>
  );
}

function Mark({ covered, onNode = false }: { covered: boolean; onNode?: boolean }) {
  const word = t(covered ? "workflow-tests.tested" : "workflow-tests.untested");
  const icon = <Icon name={covered ? "check" : "minus"} size={12} />;
  // An edge has no room for the word above the mark of its node.
  if (!onNode) {
    return (
      <span className={css.mark} data-covered={covered} role="img" aria-label={word} title={word}>
        {icon}
      </span>
    );
  }
  return (
    <span className={`${css.mark} ${css.onNode}`} data-covered={covered}>
      {icon}
      {word}
    </span>
  );
}
