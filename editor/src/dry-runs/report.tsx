import { useQuery } from "@tanstack/react-query";
import { dryRunQuery, type SimulatedExecution } from "../api/dry-runs";
import { t } from "../texts/dry-runs";
import panel from "../ui/panel.module.css";
import { Failed } from "../ui/states";
import { languageName } from "../workflow/kinds";
import css from "./report.module.css";

const CHANGES = new Set(["writes", "sends"]);

/** Report on a dry run that has ended: what it would have sent, and the other nodes that were not executed. */
export default function DryRunReport({ workspace, run }: { workspace: string; run: string }) {
  const report = useQuery(dryRunQuery(workspace, run));
  if (report.error) return <Failed error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return null;
  const changing = report.data.executions.filter(({ effects }) => CHANGES.has(effects));
  const others = report.data.executions.filter(({ effects }) => !CHANGES.has(effects));
  return (
    <section className={`${panel.section} ${css.report}`} aria-label={t("dry-runs.report")}>
      <h3>{t("dry-runs.wouldSend")}</h3>
      {changing.length === 0 && <p className={panel.help}>{t("dry-runs.nothing")}</p>}
      <Executions all={changing} label={t("dry-runs.wouldSend")} />
      {others.length > 0 && <h3>{t("dry-runs.others")}</h3>}
      <Executions all={others} label={t("dry-runs.others")} />
      {report.data.more && <p className={panel.help}>{t("dry-runs.more")}</p>}
    </section>
  );
}

function Executions({ all, label }: { all: SimulatedExecution[]; label: string }) {
  if (all.length === 0) return null;
  return (
    <ul className={css.list} aria-label={label}>
      {all.map((each) => (
        <li key={`${each.job} ${each.attempt}`}>
          <p>
            <code>{each.execution}</code> {factsOf(each).join(" · ")}
          </p>
          <Inputs execution={each} />
        </li>
      ))}
    </ul>
  );
}

function Inputs({ execution }: { execution: SimulatedExecution }) {
  if (execution.inputs === null) return <p className={panel.help}>{t("dry-runs.noInputs")}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
    <pre className={panel.value} tabIndex={0}>
      {JSON.stringify(execution.inputs, null, 2)}
    </pre>
  );
}

const EFFECTS: Record<string, string> = {
  none: t("dry-runs.effectNone"),
  reads: t("dry-runs.effectReads"),
  writes: t("dry-runs.effectWrites"),
  sends: t("dry-runs.effectSends"),
};

const ANSWERS: Record<string, string> = {
  recorded: t("dry-runs.recorded"),
  sample: t("dry-runs.sample"),
  none: t("dry-runs.none"),
};

function factsOf(each: SimulatedExecution): string[] {
  const facts = [
    EFFECTS[each.effects],
    each.script ?? (each.language ? languageName(each.language) : (each.method ?? each.kind)),
    each.attempt > 0 && t("dry-runs.attempt", { attempt: each.attempt + 1 }),
    ANSWERS[each.answer],
    each.error && t("dry-runs.failed", { error: each.error }),
  ];
  return facts.filter((fact) => typeof fact === "string" && fact !== "") as string[];
}
