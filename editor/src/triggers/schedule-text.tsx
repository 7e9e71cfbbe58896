import { scheduleText } from "./times";

/** Phrase of a cron expression, such as "Every day at 8:00", with the expression in parentheses; the expression if there is none. */
export function ScheduleText({ cron }: { cron: string }) {
  const text = scheduleText(cron);
  if (text === cron) return <code>{cron}</code>;
  return (
    <span>
      {text} (<code>{cron}</code>)
    </span>
  );
}
