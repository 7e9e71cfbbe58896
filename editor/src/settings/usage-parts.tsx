import type { CSSProperties, ReactNode } from "react";
import type { UsageSpan } from "../api/usage";
import { bytes } from "../lib/bytes";
import { absolute, duration } from "../lib/time";
import { useSearchParams } from "../routing/hooks";
import { t } from "../texts/settings";
import { Select } from "../ui/select";
import stacked from "../ui/stacked-table.module.css";
import css from "./usage.module.css";

const SPANS: readonly UsageSpan[] = ["7d", "30d", "90d"];
const LABELS: Readonly<Record<UsageSpan, string>> = {
  "7d": t("settings.usage7"),
  "30d": t("settings.usage30"),
  "90d": t("settings.usage90"),
};

/** Return the time span of the page, which is part of its address. */
export function useSpan(): [UsageSpan, (next: string) => void] {
  const [search, setSearch] = useSearchParams();
  const span = SPANS.find((each) => each === search.get("last")) ?? "30d";
  return [span, (next) => setSearch({ last: next }, { replace: true })];
}

export function SpanField({ span, set }: { span: UsageSpan; set: (next: string) => void }) {
  return (
    <Select aria-label={t("settings.usageSpan")} value={span} set={set}>
      {SPANS.map((each) => (
        <option key={each} value={each}>
          {LABELS[each]}
        </option>
      ))}
    </Select>
  );
}

export const Recorded = ({ until }: { until: string }) => (
  <p className={css.note}>{t("settings.usageRecorded", { time: absolute(until) })}</p>
);

/** Numbers of runs, and the run time of jobs in seconds. */
export interface Amount {
  runs: number;
  failed: number;
  job_s: number;
  file_bytes?: number;
}

interface Line extends Amount {
  key: string;
  name: ReactNode;
}

/** Table of amounts by name. In narrow windows the lines are stacked. */
export function UsageTable({ label, name, lines }: { label: string; name: string; lines: readonly Line[] }) {
  const hasFiles = lines.some((each) => each.file_bytes !== undefined);
  return (
    <table
      className={`${css.table} ${stacked.table}`}
      style={{ "--columns": hasFiles ? 4 : 3 } as CSSProperties}
      aria-label={label}
    >
      <thead>
        <tr>
          <th scope="col">{name}</th>
          <th scope="col">{t("settings.usageRuns")}</th>
          <th scope="col">{t("settings.usageFailed")}</th>
          <th scope="col">{t("settings.usageTime")}</th>
          {hasFiles && <th scope="col">{t("settings.usageFiles")}</th>}
        </tr>
      </thead>
      <tbody>
        {lines.map((each) => (
          <tr key={each.key}>
            <th scope="row">{each.name}</th>
            <td>{each.runs}</td>
            <td>{each.failed}</td>
            <td>{duration(each.job_s * 1000)}</td>
            {hasFiles && <td>{bytes(each.file_bytes ?? 0)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
