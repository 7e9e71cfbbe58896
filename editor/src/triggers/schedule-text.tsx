import { presetOf } from "./times";

/** Phrase of a cron expression, such as "Every day at 8:00", which shows the expression on hover; otherwise the expression. */
export function ScheduleText({ cron }: { cron: string }) {
  const preset = presetOf(cron);
  return preset ? <span title={cron}>{preset[0]}</span> : <code>{cron}</code>;
}
