import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearchParams } from "react-router";
import { type ComparedRuns, comparisonQuery, type NodeOfBoth, type RunOfBoth } from "../../api/comparison";
import { documentQuery } from "../../api/runs";
import { duration } from "../../lib/time";
import { LinkButton } from "../../ui/controls";
import { Icon } from "../../ui/icon";
import { Failed, Skeleton } from "../../ui/states";
import { Status } from "../../ui/status";
import { Time } from "../../ui/time";
import { DifferenceGraph } from "../../versions/graph";
import css from "./compare.module.css";
import { firstDifferenceText, nodeDifferenceText } from "./difference-text";
import { Nodes } from "./nodes";
import { Sides } from "./sides";

const SAME = { same: true };

/** Two runs side by side, with the first node where they part. */
export function ComparePage() {
  const { workspace = "", id = "", other = "" } = useParams();
  const found = useQuery({ ...comparisonQuery(workspace, id, other), refetchOnWindowFocus: false });
  if (found.isError) {
    return (
      <main>
        <Failed error={found.error} retry={() => void found.refetch()}>
          <Link to={`/w/${workspace}/runs`}>To the runs</Link>
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
        <h1>Two runs side by side</h1>
        <RunCard workspace={workspace} name="First" run={before} />
        <LinkButton
          look="quiet"
          icon="loop"
          aria-label="Change their order"
          title="Change their order"
          to={`/w/${workspace}/runs/${after.run_id}/compare/${before.run_id}`}
        />
        <RunCard workspace={workspace} name="Second" run={after} />
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

/** Where they part, on top. */
function Summary({ found, choose }: { found: ComparedRuns; choose: (node: string) => void }) {
  const at = found.parts_at;
  return (
    <p className={css.verdict} data-parts={at !== undefined} role="status">
      <Icon name={at === undefined ? "check" : "branch"} />
      <span>
        {at === undefined ? (
          `${firstDifferenceText(found)}.`
        ) : (
          <>
            They part at{" "}
            <button type="button" className={css.nodeLink} onClick={() => choose(at)}>
              {at}
            </button>
            : {firstDifferenceText(found)}.
          </>
        )}
        {at !== undefined && found.input === "differs" && " Their inputs differ."}
        {found.difference && " They ran different versions."}
      </span>
    </p>
  );
}

function RunCard({ workspace, name, run }: { workspace: string; name: string; run: RunOfBoth }) {
  return (
    <section className={css.run} aria-label={`${name} run`}>
      <strong>{name}</strong>
      <Status status={run.status} />
      <Link to={`/w/${workspace}/runs/${run.run_id}`}>{run.workflow ?? "A script that was not saved"}</Link>
      <span className={css.soft}>
        <Time at={run.created_at} />
        {run.duration_ms !== undefined && `, ${duration(run.duration_ms)}`}, by {run.created_by}
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

/** Both on one graph: what became of the nodes between the versions, and how each stood in both runs. */
function Graph({ workspace, found, chosen, choose }: GraphProps) {
  const before = useQuery(documentQuery(workspace, found.before.run_id));
  const after = useQuery(documentQuery(workspace, found.after.run_id));
  const error = before.error ?? after.error;
  if (error) return <Failed error={error} />;
  if (before.data === undefined || after.data === undefined) return <Skeleton rows={6} />;
  const nodes = new Map(found.nodes.map((node) => [node.id, node]));
  return (
    <DifferenceGraph
      before={before.data}
      after={after.data}
      difference={found.difference ?? SAME}
      names={["The first run", "the second"]}
      overlay={{
        chosen,
        choose,
        first: found.parts_at ?? null,
        note: (id) => <Both node={nodes.get(id)} />,
      }}
    />
  );
}

/** How a node stood in both runs, below it on the graph. */
function Both({ node }: { node: NodeOfBoth | undefined }) {
  if (!node) return null;
  return (
    <span className={css.both} title={nodeDifferenceText(node)} data-parts={node.parts.length > 0}>
      {[node.before, node.after].map((side, each) => (
        <Status
          key={each === 0 ? "before" : "after"}
          status={side?.status ?? "none"}
          {...(side?.duration_ms === undefined ? {} : { word: duration(side.duration_ms) })}
        />
      ))}
    </span>
  );
}
