import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { BASE } from "../../api/client";
import type { ComparedRuns, Glimpse, NodeOfBoth } from "../../api/comparison";
import { fetchArgs, fetchResult } from "../../api/runs";
import { Empty, Failed, Skeleton } from "../../ui/states";
import type { Json } from "../../workflow/types";
import css from "./compare.module.css";
import { nodeDifferenceText } from "./difference-text";
import { findJsonDifferences } from "./json-differences";
import { INPUT, RESULT } from "./nodes";

const TextDifference = lazy(() => import("../../code/text-difference"));

/** Longer values are not laid side by side in a page. */
const MAX_BYTES = 512 << 10;
const MAX_DIFFERENCES = 100;

interface Value {
  id: string;
  glimpse: Glimpse;
  kind: "result" | "args";
}

interface Props {
  workspace: string;
  found: ComparedRuns;
  chosen: string;
  node: NodeOfBoth | undefined;
}

/** What the chosen node (or the run as a whole) gave in both runs, and at which places that differs. */
export function Sides({ workspace, found, chosen, node }: Props) {
  const title = chosen === INPUT ? "Input" : chosen === RESULT ? "Result" : chosen;
  const values = valuesOf(found, chosen, node);
  return (
    <section className={css.sides} aria-label="Both sides">
      <h2>{title || "Choose a node"}</h2>
      {node && <p className={css.soft}>{nodeDifferenceText(node) || "The same in both"}.</p>}
      {node?.before?.error && <p>First: {node.before.error}</p>}
      {node?.after?.error && <p>Second: {node.after.error}</p>}
      {title && <Values workspace={workspace} values={values} />}
    </section>
  );
}

function valuesOf(found: ComparedRuns, chosen: string, node: NodeOfBoth | undefined): (Value | null)[] {
  const { before, after } = found;
  if (chosen === INPUT || chosen === RESULT) {
    return [before, after].map((run) => {
      const glimpse = chosen === INPUT ? run.input : run.result;
      return glimpse ? { id: run.run_id, glimpse, kind: chosen === INPUT ? "args" : "result" } : null;
    });
  }
  return [node?.before, node?.after].map((side) =>
    side?.output && side.job ? { id: side.job, glimpse: side.output, kind: "result" } : null,
  );
}

function Values({ workspace, values }: { workspace: string; values: (Value | null)[] }) {
  const [before = null, after = null] = values;
  if (!before && !after) return <Empty title="Neither gave anything" />;
  if ([before, after].some((each) => each && each.glimpse.size > MAX_BYTES)) {
    return (
      <Empty title="Too long to be laid side by side">
        <p>
          <File workspace={workspace} value={before} word="the first" />{" "}
          <File workspace={workspace} value={after} word="the second" />
        </p>
      </Empty>
    );
  }
  return <Short workspace={workspace} before={before} after={after} />;
}

function File({ workspace, value, word }: { workspace: string; value: Value | null; word: string }) {
  if (!value) return null;
  const call = value.kind === "args" ? "get_args" : "completed/get_result";
  return (
    <a href={`${BASE}/api/w/${workspace}/jobs_u/${call}/${value.id}`} download={`${value.id}.json`}>
      {word} ({Math.ceil(value.glimpse.size / 1024).toLocaleString("en")} KiB)
    </a>
  );
}

function Short({ workspace, before, after }: { workspace: string; before: Value | null; after: Value | null }) {
  const found = useQuery({
    queryKey: ["values", workspace, before?.kind, before?.id, after?.id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => Promise.all([before, after].map((value) => value && fetched(workspace, value))),
  });
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton />;
  const [one = null, other = null] = found.data;
  const places = before && after ? findJsonDifferences(one, other, MAX_DIFFERENCES) : [];
  return (
    <>
      {places.length > 0 && (
        <table className={css.places} aria-label="Places that differ">
          <thead>
            <tr>
              <th scope="col">Where</th>
              <th scope="col">First</th>
              <th scope="col">Second</th>
            </tr>
          </thead>
          <tbody>
            {places.map((place) => (
              <tr key={place.path}>
                <th scope="row">{place.path || "all of it"}</th>
                <td>{shown(place.before)}</td>
                <td>{shown(place.after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {places.length >= MAX_DIFFERENCES && <p className={css.soft}>The first {MAX_DIFFERENCES} places.</p>}
      <Suspense fallback={<Skeleton />}>
        <TextDifference before={before ? pretty(one) : ""} after={after ? pretty(other) : ""} unified />
      </Suspense>
    </>
  );
}

async function fetched(workspace: string, { id, kind }: Value): Promise<Json> {
  return kind === "args" ? fetchArgs(workspace, id) : fetchResult(workspace, id);
}

const pretty = (value: Json) => JSON.stringify(value, null, 2);

const MAX_LENGTH = 200;

function shown(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)} …` : text;
}
