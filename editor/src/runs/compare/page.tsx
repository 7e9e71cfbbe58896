import { useQuery } from "@tanstack/react-query";
import {
  type ComparedRuns,
  comparisonQuery,
  type NodeComparison,
  type NodeInRun,
  type RunSummary,
} from "../../api/comparison";
import { documentQuery } from "../../api/runs";
import { ItemLink } from "../../kinds/item-link";
import { statusStyle } from "../../lib/status";
import { duration } from "../../lib/time";
import { useParams, useSearchParams } from "../../routing/hooks";
import { Link } from "../../routing/link";
import { t, tWith } from "../../texts/runs";
import { LinkButton } from "../../ui/controls";
import { Icon } from "../../ui/icon";
import { Failed, Skeleton } from "../../ui/states";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { DifferenceGraph } from "../../versions/graph";
import css from "./compare.module.css";
import { firstDifferenceText, nodeDifferenceText } from "./difference-text";
import { isReusedInside, Nodes } from "./nodes";
import { Sides } from "./sides";

const SAME = { same: true };

/** Page that compares two runs and shows their first difference. */
export function ComparePage() {
  const { workspace = "", id = "", other = "" } = useParams();
  const found = useQuery({ ...comparisonQuery(workspace, id, other), refetchOnWindowFocus: false });
  if (found.isError) {
    return (
      <main>
        <Failed error={found.error} retry={() => void found.refetch()}>
          <Link to={`/w/${workspace}/runs`}>{t("runs.allRuns")}</Link>
        </Failed>
      </main>
    );
  }
  if (!found.data) {
    return (
      <main>
        <Skeleton rows={6} />
      </main>
    );
  }
  return <Compared workspace={workspace} found={found.data} />;
}

function Compared({ workspace, found }: { workspace: string; found: ComparedRuns }) {
  const [search, setSearch] = useSearchParams();
  const chosen = search.get("node") ?? found.parts_at ?? "";
  const choose = (node: string) => setSearch({ node }, { replace: true });
  const node = found.nodes.find((each) => each.id === chosen);
  const { before, after } = found;
  return (
    <main className={css.page}>
      <header className={css.head}>
        <h1>{t("runs.compareRuns")}</h1>
        <LinkButton icon="loop" to={`/w/${workspace}/runs/${after.run_id}/compare/${before.run_id}`}>
          {t("runs.swapRuns")}
        </LinkButton>
        <RunCard workspace={workspace} name={t("runs.firstRun")} run={before} />
        <RunCard workspace={workspace} name={t("runs.secondRun")} run={after} />
      </header>
      <Summary found={found} choose={choose} />
      <div className={css.body}>
        <div className={css.left}>
          {found.nodes.length > 0 && <Graph {...{ workspace, found, chosen, choose }} />}
          <Nodes found={found} chosen={chosen} choose={choose} />
        </div>
        <Sides key={chosen} {...{ workspace, found, chosen }} node={node} />
      </div>
    </main>
  );
}

/** First difference of the runs. */
function Summary({ found, choose }: { found: ComparedRuns; choose: (node: string) => void }) {
  const at = found.parts_at;
  return (
    <p className={css.verdict} data-parts={at !== undefined} role="status">
      <Icon name={at === undefined ? "check" : "branch"} />
      <span>
        {at === undefined
          ? `${firstDifferenceText(found)}.`
          : tWith(
              "runs.firstDifference",
              {
                node: (
                  <button key="node" type="button" className={css.nodeLink} onClick={() => choose(at)}>
                    {at}
                  </button>
                ),
              },
              { difference: firstDifferenceText(found) },
            )}
        {at !== undefined && found.input === "differs" && ` ${t("runs.inputsDiffer")}`}
        {found.difference && ` ${t("runs.versionsDiffer")}`}
      </span>
    </p>
  );
}

function RunCard({ workspace, name, run }: { workspace: string; name: string; run: RunSummary }) {
  const time = <Time key="time" at={run.created_at} />;
  return (
    <section className={css.run} aria-label={name}>
      <strong>{name}</strong>
      <Status status={run.status} />
      {run.workflow ? (
        <ItemLink workspace={workspace} path={run.workflow} to={`/w/${workspace}/runs/${run.run_id}`} />
      ) : (
        <Link to={`/w/${workspace}/runs/${run.run_id}`}>{t("runs.preview")}</Link>
      )}
      <span className={css.soft}>
        {run.duration_ms === undefined
          ? tWith("runs.createdBy", { time }, { user: run.created_by })
          : tWith("runs.createdByTook", { time }, { duration: duration(run.duration_ms), user: run.created_by })}
      </span>
    </section>
  );
}

interface GraphProps {
  workspace: string;
  found: ComparedRuns;
  chosen: string;
  choose: (node: string) => void;
}

/** Graph of both documents with the changes of the nodes and their status in both runs. */
function Graph({ workspace, found, chosen, choose }: GraphProps) {
  const before = useQuery(documentQuery(workspace, found.before.run_id));
  const after = useQuery(documentQuery(workspace, found.after.run_id));
  const error = before.error ?? after.error;
  if (error) return <Failed error={error} />;
  if (before.data === undefined || after.data === undefined) return <Skeleton rows={6} />;
  const nodes = new Map(found.nodes.map((node) => [node.id, node]));
  return (
    <DifferenceGraph
      before={before.data.text}
      after={after.data.text}
      difference={found.difference ?? SAME}
      names={[t("runs.firstRun"), t("runs.secondRun")]}
      overlay={{
        chosen,
        choose,
        first: found.parts_at ?? null,
        note: (id) => <Both node={nodes.get(id)} />,
      }}
    />
  );
}

/** Return the text shown instead of the name of the status of a node: that its result is reused, or its duration. */
function wordOf(side: NodeInRun): { word?: string } {
  if (isReusedInside(side)) return { word: t("ui.reused") };
  return side.duration_ms === undefined ? {} : { word: duration(side.duration_ms) };
}

/** Status of a node in one of the runs, or a text if the version of that run does not have the node. */
function SideStatus({ run, side }: { run: string; side: NodeInRun | undefined }) {
  const label = side ? statusStyle(side.status).label : t("runs.notInVersion");
  return (
    <span title={t("runs.inRun", { run, status: label })}>
      {side ? <Status status={side.status} {...wordOf(side)} /> : <span className={css.absent}>{label}</span>}
    </span>
  );
}

/** Status of a node in both runs, below it on the graph. */
function Both({ node }: { node: NodeComparison | undefined }) {
  if (!node) return null;
  return (
    <span className={css.both} title={nodeDifferenceText(node)} data-parts={node.parts.length > 0}>
      <SideStatus run={t("runs.firstRun")} side={node.before} />
      <SideStatus run={t("runs.secondRun")} side={node.after} />
    </span>
  );
}
