/** How much a line matters, as far as it says so itself; `platform`: it is none of the job's. */
export type Level = "debug" | "info" | "warning" | "error" | "platform";

export const LEVELS: readonly Level[] = ["debug", "info", "warning", "error", "platform"];

/** The lines a reader wants to see. */
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
 * What a line says of itself: logs are text, and both streams of a process are one. What is indented belongs to the line
 * before it, whose level is `previous`.
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

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

/** A line as a terminal would leave it: without colours, and of a line that was written over the last state. */
export function stripEscapes(raw: string): string {
  let text = raw.includes("\x1b") ? raw.replace(ESCAPES, "") : raw;
  if (text.endsWith("\r")) text = text.slice(0, -1);
  const back = text.lastIndexOf("\r");
  return back < 0 ? text : text.slice(back + 1);
}
