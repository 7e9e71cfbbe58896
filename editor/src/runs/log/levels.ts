/** Level of a line, read from its text. `platform`: the line was written by the platform, not by the job. */
export type Level = "debug" | "info" | "warning" | "error" | "platform";

export const LEVELS: readonly Level[] = ["debug", "info", "warning", "error", "platform"];

/** Choice of the lines that are shown. */
export type Filter = "all" | "warnings" | "errors" | "platform";

const PLATFORM_PREFIX = "[orvanta] ";
const HEAD_LENGTH = 120;
const LEVEL_PATTERNS: [RegExp, Level][] = [
  [/^(?:\w*(?:Error|Exception)\b|Traceback \(most recent|panic:|fatal:|error\b)/, "error"],
  [/(?:\b(?:ERROR|FATAL|CRITICAL|SEVERE)\b|\blevel=(?:error|fatal)\b|"level": ?"(?:error|fatal)")/, "error"],
  [/(?:\bWARN(?:ING)?\b|^warning\b|\w+Warning:|\blevel=warn(?:ing)?\b|"level": ?"warn(?:ing)?")/, "warning"],
  [/(?:\bINFO\b|\blevel=info\b|"level": ?"info")/, "info"],
  [/(?:\b(?:DEBUG|TRACE)\b|\blevel=(?:debug|trace)\b|"level": ?"(?:debug|trace)")/, "debug"],
];

/**
 * Return the level that the text of a line names; null if none. Logs are text, and both streams of a process are merged.
 * An indented line has the level of the line before, which is `previous`.
 */
export function levelOf(text: string, previous: Level | null): Level | null {
  if (text.startsWith(PLATFORM_PREFIX)) return "platform";
  if (previous !== "platform" && (text.startsWith(" ") || text.startsWith("\t"))) return previous;
  const head = text.length > HEAD_LENGTH ? text.slice(0, HEAD_LENGTH) : text;
  return LEVEL_PATTERNS.find(([words]) => words.test(head))?.[1] ?? null;
}

export function passesFilter(filter: Filter, level: Level | null): boolean {
  if (filter === "all") return true;
  if (filter === "platform") return level === "platform";
  return level === "error" || (filter === "warnings" && level === "warning");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are removed
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

/** Return a line as a terminal shows it: without colours, and the last state of a line that was overwritten. */
export function stripEscapes(raw: string): string {
  let text = raw.includes("\x1b") ? raw.replace(ESCAPES, "") : raw;
  if (text.endsWith("\r")) text = text.slice(0, -1);
  const back = text.lastIndexOf("\r");
  return back < 0 ? text : text.slice(back + 1);
}
