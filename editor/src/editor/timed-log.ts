import type { LogPart } from "../api/stream";

/** Characters of a log that are shown, from its end. */
export const MAX_LOG_LENGTH = 200_000;

/** The end of a log, with the time at which the parts from each offset on were written. */
export interface TimedLog {
  text: string;
  times: readonly { from: number; at: number }[];
}

export const EMPTY_LOG: TimedLog = { text: "", times: [] };

/** Return the log with a further part. */
export function withPart({ text, times }: TimedLog, part: Pick<LogPart, "text" | "at">): TimedLog {
  const whole = text + part.text;
  const cut = Math.max(whole.length - MAX_LOG_LENGTH, 0);
  const all = [...times, { from: text.length, at: Date.parse(part.at) }];
  if (cut === 0) return { text: whole, times: all };
  const moved = all.map(({ from, at }) => ({ from: from - cut, at }));
  const first = Math.max(
    moved.findLastIndex(({ from }) => from <= 0),
    0,
  );
  return { text: whole.slice(cut), times: moved.slice(first) };
}

/** Return the lines of a log with the times at which their first characters were written. */
export function timedLines({ text, times }: TimedLog): { start: number; text: string; at: number }[] {
  const lines: { start: number; text: string; at: number }[] = [];
  let place = 0;
  let start = 0;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    while ((times[place + 1]?.from ?? Number.POSITIVE_INFINITY) <= start) place++;
    lines.push({ start, text: line, at: times[place]?.at ?? 0 });
    start += line.length + 1;
  }
  return lines;
}
