import { useQuery } from "@tanstack/react-query";
import type { CSSProperties } from "react";
import { BASE } from "../../api/client";
import type { ComparedRuns, NodeComparison, ValueSummary } from "../../api/comparison";
import { fetchArgs, fetchResult } from "../../api/runs";
import { bytes } from "../../lib/bytes";
import { lazyComponent } from "../../lib/lazy-component";
import { t } from "../../texts/runs";
import stacked from "../../ui/stacked-table.module.css";
import { Empty, Failed, Skeleton } from "../../ui/states";
import type { Json } from "../../workflow/types";
import css from "./compare.module.css";
import { nodeDifferenceText } from "./difference-text";
import { findJsonDifferences } from "./json-differences";
import { INPUT, RESULT } from "./nodes";

const TextDifference = lazyComponent(() => import("../../code/text-difference"), <Skeleton />);

/** Maximum size of values that are compared side by side. */
const MAX_BYTES = 512 << 10;
const MAX_DIFFERENCES = 100;

interface Value {
  id: string;
  summary: ValueSummary;
  kind: "result" | "args";
}

interface Props {
  workspace: string;
  found: ComparedRuns;
  chosen: string;
  node: NodeComparison | undefined;
}

/** Values of the selected node, or of the whole run, in both runs, and their differences. */
export function Sides({ workspace, found, chosen, node }: Props) {
  const title = chosen === INPUT ? t("ui.input") : chosen === RESULT ? t("runs.result") : chosen;
  const values = valuesOf(found, chosen, node);
  return (
    <section className={css.sides} aria-label={t("runs.valuesOfBoth")}>
      <h2>{title || t("runs.selectNode")}</h2>
      {node && <p className={css.soft}>{nodeDifferenceText(node) || t("runs.sameInBoth")}.</p>}
      {node?.before?.error && <p>{t("runs.firstErrorText", { error: node.before.error })}</p>}
      {node?.after?.error && <p>{t("runs.secondErrorText", { error: node.after.error })}</p>}
      {node && <h3>{t("ui.output")}</h3>}
      {title && <Values workspace={workspace} values={values} />}
    </section>
  );
}

function valuesOf(found: ComparedRuns, chosen: string, node: NodeComparison | undefined): (Value | null)[] {
  const { before, after } = found;
  if (chosen === INPUT || chosen === RESULT) {
    return [before, after].map((run) => {
      const summary = chosen === INPUT ? run.input : run.result;
      return summary ? { id: run.run_id, summary, kind: chosen === INPUT ? "args" : "result" } : null;
    });
  }
  return [node?.before, node?.after].map((side) =>
    side?.output && side.job ? { id: side.job, summary: side.output, kind: "result" } : null,
  );
}

function Values({ workspace, values }: { workspace: string; values: (Value | null)[] }) {
  const [before = null, after = null] = values;
  if (!before && !after) return <Empty title={t("runs.noValues")} />;
  if ([before, after].some((each) => each && each.summary.size > MAX_BYTES)) {
    return (
      <Empty title={t("runs.tooLargeSideBySide")}>
        <p>
          <File workspace={workspace} value={before} name="runs.downloadFirst" />{" "}
          <File workspace={workspace} value={after} name="runs.downloadSecond" />
        </p>
      </Empty>
    );
  }
  return <Short workspace={workspace} before={before} after={after} />;
}

interface FileProps {
  workspace: string;
  value: Value | null;
  name: "runs.downloadFirst" | "runs.downloadSecond";
}

function File({ workspace, value, name }: FileProps) {
  if (!value) return null;
  const call = value.kind === "args" ? "get_args" : "completed/get_result";
  return (
    <a href={`${BASE}/api/w/${workspace}/jobs_u/${call}/${value.id}`} download={`${value.id}.json`}>
      {t(name, { size: bytes(value.summary.size) })}
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
  if (before && after && pretty(one) === pretty(other)) {
    return (
      <>
        <p className={css.soft}>{t("runs.sameValues")}</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard */}
        <pre className={css.value} tabIndex={0}>
          {pretty(other)}
        </pre>
      </>
    );
  }
  const places = before && after ? findJsonDifferences(one, other, MAX_DIFFERENCES) : [];
  return (
    <>
      {places.length > 0 && (
        <table
          className={`${css.places} ${stacked.table}`}
          style={{ "--columns": 2 } as CSSProperties}
          aria-label={t("runs.differences")}
        >
          <thead>
            <tr>
              <th scope="col">{t("ui.path")}</th>
              <th scope="col">{t("runs.first")}</th>
              <th scope="col">{t("runs.second")}</th>
            </tr>
          </thead>
          <tbody>
            {places.map((place) => (
              <tr key={place.path}>
                <th scope="row">{place.path || t("runs.entireValue")}</th>
                <td>{shown(place.before)}</td>
                <td>{shown(place.after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {places.length >= MAX_DIFFERENCES && (
        <p className={css.soft}>{t("runs.firstDifferences", { count: MAX_DIFFERENCES })}</p>
      )}
      <TextDifference before={before ? pretty(one) : ""} after={after ? pretty(other) : ""} unified />
    </>
  );
}

async function fetched(workspace: string, { id, kind }: Value): Promise<Json> {
  return kind === "args" ? fetchArgs(workspace, id) : fetchResult(workspace, id);
}

const pretty = (value: Json) => JSON.stringify(value, null, 2);

const MAX_LENGTH = 200;

function shown(value: Json | undefined): string {
  if (value === undefined) return t("runs.noValue");
  const text = JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)} …` : text;
}
