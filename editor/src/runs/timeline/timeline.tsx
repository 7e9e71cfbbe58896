import { useEditor } from "../../editing/context";
import { duration } from "../../lib/time";
import { Empty } from "../../ui/states";
import { useRun } from "../context";
import { Status } from "../status";
import css from "../status.module.css";

/** The nodes in the order in which they began. */
export function RunTimeline() {
  const { select, selection } = useRun();
  const nodes = useEditor((editor) => editor.live?.nodes);
  const begun = Object.entries(nodes ?? {})
    .filter(([, node]) => node.started_at)
    .sort(([, one], [, other]) => Date.parse(one.started_at ?? "") - Date.parse(other.started_at ?? ""));
  if (begun.length === 0) return <Empty title="No node has begun" />;
  return (
    <ul className={css.nodes}>
      {begun.map(([id, node]) => (
        <li key={id}>
          <button
            type="button"
            className={css.node}
            aria-pressed={selection.node === id}
            onClick={() => select({ node: id })}
          >
            <span>{id}</span>
            <span className={css.took}>{node.duration_ms != null && duration(node.duration_ms)}</span>
            <Status status={node.status} />
          </button>
        </li>
      ))}
    </ul>
  );
}
