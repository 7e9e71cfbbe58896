import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { fetchResult, type NodeState, valueQuery } from "../api/runs";
import { waitText } from "../api/wait-text";
import { useEditor } from "../editor/context";
import { useReceivedInputs } from "../editor/node-inputs";
import { type TimedLog, timedLines } from "../editor/timed-log";
import { errorOfFailed } from "../lib/error-line";
import { ENDED } from "../lib/status";
import { clockTime } from "../lib/time";
import { t } from "../texts/inspector";
import { Button } from "../ui/controls";
import { ErrorText } from "../ui/error-text";
import css from "../ui/panel.module.css";
import { Skeleton } from "../ui/states";

const MAX_LENGTH = 100_000;

/** The output, input and logs of a node in a run. */
export function NodeData(props: { run: string; id: string; node: NodeState; log: TimedLog | undefined }) {
  const { run, id, node, log } = props;
  return (
    <>
      <Waits node={node} />
      <NodeOutput id={id} job={node.job} status={node.status} />
      <NodeInput run={run} id={id} status={node.status} />
      <NodeLogs id={id} log={log} />
    </>
  );
}

/** The reasons for which a node waits. */
export function Waits({ node }: { node: NodeState }) {
  return node.waits?.map((wait) => (
    <p key={wait.reason} className={css.help}>
      {waitText(wait)}
    </p>
  ));
}

/** The output of a node, or its error. */
export function NodeOutput({ id, job, status }: { id: string; job: string | null | undefined; status: string }) {
  const label = t("inspector.output", { node: id });
  if (job && ENDED.has(status) && status !== "skipped")
    return <ResultSection label={label} part="output" run={job} ask={fetchResult} failed={status === "failed"} />;
  return (
    <DataSection label={label} part="output">
      <p className={css.help}>{t("inspector.noOutput")}</p>
    </DataSection>
  );
}

const TIMES = "orvanta.logTimes";

interface LogsProps {
  id: string;
  log: TimedLog | undefined;
  loading?: boolean;
}

/** The log of a node, on request with the time at which each line was written. */
export function NodeLogs({ id, log, loading = false }: LogsProps) {
  const [timed, setTimed] = useState(() => localStorage.getItem(TIMES) !== null);
  const show = (next: boolean) => {
    if (next) localStorage.setItem(TIMES, "1");
    else localStorage.removeItem(TIMES);
    setTimed(next);
  };
  return (
    <DataSection label={t("inspector.logs", { node: id })} part="logs">
      {loading && !log?.text && <Skeleton rows={2} />}
      {log?.text && (
        <>
          <Button look="quiet" icon="clock" aria-pressed={timed} onClick={() => show(!timed)}>
            {t("inspector.showTimes")}
          </Button>
          <Text text={timed ? withTimes(log) : log.text} />
        </>
      )}
      {!loading && !log?.text && <p className={css.help}>{t("inspector.noLogs")}</p>}
    </DataSection>
  );
}

const withTimes = (log: TimedLog): string =>
  timedLines(log)
    .map(({ text, at }) => `${clockTime(at)}  ${text}`)
    .join("\n");

/** The result of a run or a job as text, never rendered as HTML. */
export function ResultSection(props: {
  label: string;
  part?: string;
  run: string;
  ask: (workspace: string, run: string) => Promise<unknown>;
  /** The run or job has failed: its error is shown as text. */
  failed: boolean;
}) {
  const { label, part, run, ask, failed } = props;
  const workspace = useEditor((editor) => editor.workspace);
  const found = useQuery(valueQuery(workspace, run, part ?? "whole", ask));
  if (found.isError) return null;
  const error = failed ? errorOfFailed(found.data) : null;
  return (
    <DataSection label={label} {...(part ? { part } : {})}>
      {found.isPending && <Skeleton rows={2} />}
      {error && <ErrorText error={error} label={t("inspector.error", { section: label })} />}
      {found.isSuccess && !error && <Text text={formatJson(found.data)} label={label} />}
    </DataSection>
  );
}

const formatJson = (value: unknown) => JSON.stringify(value ?? null, null, 2).slice(0, MAX_LENGTH);

/** The inputs that a node received. Expressions whose values are unknown are shown as such. */
export function NodeInput({ id, run, status }: { id: string; run: string; status: string }) {
  const { values, expressions, empty, loading } = useReceivedInputs(run, id, status);
  const label = t("inspector.input", { node: id });
  const unknown = expressions.filter((each) => each.unknown).map(({ name, expr }) => `${name} = ${expr}`);
  if (loading) {
    return (
      <DataSection label={label} part="input">
        <Skeleton rows={2} />
      </DataSection>
    );
  }
  return (
    <DataSection label={label} part="input">
      {values && Object.keys(values).length > 0 && <Text text={formatJson(values)} label={label} />}
      {unknown.length > 0 && <Text text={unknown.join("\n")} />}
      {empty && <p className={css.help}>{t("inspector.noInputs")}</p>}
    </DataSection>
  );
}

function DataSection({ label, part, children }: { label: string; part?: string; children: ReactNode }) {
  return (
    <section aria-label={label} data-field={part} tabIndex={part ? -1 : undefined}>
      <h3>{label}</h3>
      {children}
    </section>
  );
}

function Text({ text, label }: { text: string; label?: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
    <pre className={css.value} tabIndex={0} data-result={label}>
      {text}
    </pre>
  );
}
