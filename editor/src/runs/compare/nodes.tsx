import type { ComparedRuns, NodeOfBoth, SideOfNode } from "../../api/comparison";
import { duration } from "../../lib/time";
import { Status } from "../../ui/status";
import css from "./compare.module.css";
import { nodeDifferenceText } from "./difference-text";

export const INPUT = "(input)";
export const RESULT = "(result)";

interface Props {
  found: ComparedRuns;
  chosen: string;
  choose: (node: string) => void;
}

/** Input, every node in the order in which it can run, result: how each was in both runs. */
export function Nodes({ found, chosen, choose }: Props) {
  return (
    <div className={css.scroll}>
      <table className={css.nodes} aria-label="Nodes of both runs">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">First</th>
            <th scope="col">Second</th>
            <th scope="col">Slower by</th>
            <th scope="col">What differs</th>
          </tr>
        </thead>
        <tbody>
          <Whole name={INPUT} title="Input of the run" same={found.input} {...{ chosen, choose }} />
          {found.nodes.map((node) => (
            <tr key={node.id} aria-current={node.id === chosen || undefined} data-parts={node.parts.length > 0}>
              <th scope="row" data-inside={node.inside !== undefined || undefined}>
                <button type="button" className={css.nodeLink} onClick={() => choose(node.id)}>
                  {node.id}
                </button>
                {node.renamed && <span className={css.soft}> was {node.renamed}</span>}
              </th>
              <td>
                <Side side={node.before} />
              </td>
              <td>
                <Side side={node.after} />
              </td>
              <td className={css.number}>{slower(node)}</td>
              <td>{nodeDifferenceText(node)}</td>
            </tr>
          ))}
          <Whole name={RESULT} title="Result of the run" same={found.result} {...{ chosen, choose }} />
        </tbody>
      </table>
    </div>
  );
}

const SAMENESS = { same: "", differs: "it differs", unknown: "too long to be compared" };

function Whole(props: {
  name: string;
  title: string;
  same: keyof typeof SAMENESS;
  chosen: string;
  choose: (node: string) => void;
}) {
  const { name, title, same, chosen, choose } = props;
  return (
    <tr aria-current={name === chosen || undefined} data-parts={same === "differs"}>
      <th scope="row">
        <button type="button" className={css.nodeLink} onClick={() => choose(name)}>
          {title}
        </button>
      </th>
      <td />
      <td />
      <td />
      <td>{SAMENESS[same]}</td>
    </tr>
  );
}

function Side({ side }: { side: SideOfNode | undefined }) {
  if (!side) return <span className={css.soft}>—</span>;
  const times = side.attempt === undefined ? "" : ` ×${side.attempt}`;
  return (
    <span className={css.side}>
      <Status status={side.status} />
      <span className={css.soft}>
        {side.duration_ms === undefined ? "" : duration(side.duration_ms)}
        {times}
      </span>
    </span>
  );
}

/** How much longer the second took, with its sign. */
function slower({ before, after }: NodeOfBoth): string {
  if (before?.duration_ms === undefined || after?.duration_ms === undefined) return "";
  const by = after.duration_ms - before.duration_ms;
  return by === 0 ? "0 ms" : `${by < 0 ? "−" : "+"}${duration(Math.abs(by))}`;
}
