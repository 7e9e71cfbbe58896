import type { CSSProperties } from "react";
import type { ComparedRuns, NodeComparison, NodeInRun } from "../../api/comparison";
import { duration } from "../../lib/time";
import { t } from "../../texts/runs";
import stacked from "../../ui/stacked-table.module.css";
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

/** Table of both runs: input, nodes in the order of execution, result. */
export function Nodes({ found, chosen, choose }: Props) {
  return (
    <div className={css.scroll}>
      <table
        className={`${css.nodes} ${stacked.table}`}
        style={{ "--columns": 2 } as CSSProperties}
        aria-label={t("runs.nodesOfBoth")}
      >
        <thead>
          <tr>
            <th scope="col">{t("runs.nodeColumn")}</th>
            <th scope="col">{t("runs.first")}</th>
            <th scope="col">{t("runs.second")}</th>
            <th scope="col">{t("runs.durationChange")}</th>
            <th scope="col">{t("runs.differences")}</th>
          </tr>
        </thead>
        <tbody>
          <Whole name={INPUT} title={t("runs.inputOfRun")} same={found.input} {...{ chosen, choose }} />
          {found.nodes.map((node) => (
            <tr key={node.id} aria-current={node.id === chosen || undefined} data-parts={node.parts.length > 0}>
              <th scope="row" data-inside={node.inside !== undefined || undefined}>
                <button type="button" className={css.nodeLink} onClick={() => choose(node.id)}>
                  {node.id}
                </button>
                {node.renamed && <span className={css.soft}> {t("runs.formerName", { name: node.renamed })}</span>}
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
          <Whole name={RESULT} title={t("runs.resultOfRun")} same={found.result} {...{ chosen, choose }} />
        </tbody>
      </table>
    </div>
  );
}

const SAMENESS = { same: "", differs: t("runs.differs"), unknown: t("runs.tooLargeToCompare") };

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

/** Return true for a node inside a container with a reused result: its run has no status of it. */
export const isReusedInside = (side: NodeInRun): boolean => side.kept === true && side.status === "pending";

function Side({ side }: { side: NodeInRun | undefined }) {
  if (!side) return <span className={css.soft}>{t("runs.notInVersion")}</span>;
  const times = side.attempt === undefined ? "" : ` ×${side.attempt}`;
  return (
    <span className={css.side}>
      <Status status={side.status} {...(isReusedInside(side) ? { word: t("ui.reused") } : {})} />
      <span className={css.soft}>
        {side.duration_ms === undefined ? "" : duration(side.duration_ms)}
        {times}
      </span>
    </span>
  );
}

/** Return the change of the duration, with its sign. */
function slower({ before, after }: NodeComparison): string {
  if (before?.duration_ms === undefined || after?.duration_ms === undefined) return "";
  const by = after.duration_ms - before.duration_ms;
  return by === 0 ? "0 ms" : `${by < 0 ? "−" : "+"}${duration(Math.abs(by))}`;
}
