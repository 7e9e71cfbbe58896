// Arguments, results and errors of scripts in TypeScript and JavaScript: the first part of host.ts of Bun and of Deno,
// which define `folder`, `script`, `imports`, `resultBytes` and `writeLine`.

type Described = { name: string; message: string; stack: string | null; extra?: Record<string, unknown> };
type Parameter = { name: string | null; rest: boolean };

const STACK_CHARS = 32 << 10;
const MESSAGE_CHARS = 64 << 10;
const EXTRA_CHARS = 32 << 10;
const MAX_ARGUMENTS = 64 << 10;
const STREAMED_CHARS = 1000;
const OF_ERROR = new Set(["name", "message", "stack"]);
const NAME = String.raw`(?:[\p{ID_Continue}$\u200c\u200d]|\\u\{\w+\}|\\u\w{4})+`;

class ResultNotJson extends Error {}
class MissingMain extends Error {}
class InvalidInput extends Error {}
class ResultTooLarge extends Error {}
class NeverSettled extends Error {}
class ExitCode extends Error {}
const OWN = [ResultNotJson, MissingMain, InvalidInput, ResultTooLarge, NeverSettled, ExitCode];

// A destructuring pattern receives the arguments that no other parameter names.
function words(wanted: Parameter[], given: Record<string, unknown>): unknown[] {
  const named = new Set(wanted.map((each) => each.name));
  const unnamed = () => Object.fromEntries(Object.entries(given).filter(([name]) => !named.has(name)));
  const own = (name: string) => (Object.hasOwn(given, name) ? given[name] : undefined);
  return wanted.filter((each) => !each.rest).map((each) => (each.name === null ? unnamed() : own(each.name)));
}

// Calls `main`, after `preprocessor` if the argument is the event of a trigger, or `preprocessor` alone; see host.py of
// Python. `entry` is the function to call, `dates` are parameters of `main` that receive a Date.
async function callEntry({ main, preprocessor }: any, given: any, entry: string, dates: string[]): Promise<unknown> {
  const call = (called: any, arguments_: any) => called(...words(parameters(String(called)), arguments_));
  const prepares = typeof preprocessor === "function";
  const isEvent = Object.keys(given).length === 1 && typeof given.event?.kind === "string";
  const prepare = () => {
    const wanted = parameters(String(preprocessor));
    return preprocessor(...words(wanted, isEvent && isOlder(wanted) ? ofEvent(given.event, wanted) : given));
  };
  if (prepares && (entry === "preprocessor" || typeof main !== "function")) return prepare();
  if (typeof main !== "function") throw new MissingMain("the script exports no function main");
  if (!prepares || !isEvent) return call(main, withDates(given, dates));
  const prepared = await prepare();
  if (typeof prepared !== "object" || prepared === null || Array.isArray(prepared))
    throw new InvalidInput("The preprocessor must return an object.");
  const json = toJson(prepared);
  if (json.length <= MAX_ARGUMENTS) await writeLine(`\x1eOV_ARGUMENTS: ${json}`); // for the log; see stream_marks.py
  return call(main, withDates(JSON.parse(json), dates));
}

// `preprocessor(wm_trigger, …)` is the older form of `preprocessor(event)`.
function isOlder(wanted: Parameter[]): boolean {
  const names = wanted.map((each) => each.name);
  return names.includes("wm_trigger") && !names.includes("event");
}

// Arguments of the older form; see `of_event` in arguments.py of Python.
function ofEvent({ kind, body, raw_string, ...more }: any, wanted: Parameter[]): Record<string, unknown> {
  const asked = Object.entries({ body, raw_string }).filter(([name]) => wanted.some((each) => each.name === name));
  const members = typeof body === "object" && !Array.isArray(body) ? body : {};
  return { ...Object.fromEntries(asked), ...members, wm_trigger: { kind, http: kind === "http" ? more : null } };
}

// Replaces texts and numbers by dates, unless they are none.
function withDates(given: Record<string, any>, dates: string[]): Record<string, unknown> {
  const found = { ...given };
  for (const name of dates) {
    const date = new Date(["string", "number"].includes(typeof given[name]) ? given[name] : NaN);
    if (!Number.isNaN(date.getTime())) found[name] = date;
  }
  return found;
}

// Parses the parameters of a function's text, which has no types; Bun escapes names in it.
function parameters(code: string): Parameter[] {
  const text = head(code);
  const bare = new RegExp(`^(?:async\\s+)?(${NAME})\\s*=>`, "u").exec(text);
  if (bare) return [{ name: unescaped(bare[1]), rest: false }];
  return split(text, text.indexOf("(") + 1).map((parameter) => {
    const name = new RegExp(`^${NAME}`, "u").exec(parameter);
    return { name: name && unescaped(name[0]), rest: parameter.startsWith("...") };
  });
}

// Returns the text of a function up to the end of its parameters, without comments, which it has in Deno.
function head(text: string): string {
  let found = "";
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith("//", at)) at = indexOf(text, "\n", at);
    else if (text.startsWith("/*", at)) at = indexOf(text, "*/", at + 2) + 1;
    else {
      const from = at;
      if (text[at] === "\\") at++; // in a regular expression or a name
      else if ("\"'`".includes(text[at])) at = afterString(text, at) - 1;
      else if ("([{".includes(text[at])) depth++;
      else if (")]}".includes(text[at])) depth--;
      found += text.slice(from, at + 1);
      if (depth === 0 && (text[at] === ")" || found.endsWith("=>"))) break;
    }
  }
  return found;
}

// Returns the place of `word` in the text, or its end.
function indexOf(text: string, word: string, from: number): number {
  const at = text.indexOf(word, from);
  return at < 0 ? text.length : at;
}

function unescaped(name: string): string {
  return name.replace(/\\u(?:\{(\w+)\}|(\w{4}))/g, (_, long, short) => String.fromCodePoint(parseInt(long ?? short, 16)));
}

// Splits the text at commas, from `start` to the matching closing bracket.
function split(text: string, start: number): string[] {
  const found: string[] = [];
  let from = start;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"' || char === "'" || char === "`") at = afterString(text, at) - 1;
    else if (char === "\\") at++;
    else if ("([{".includes(char)) depth++;
    else if (depth === 0 && (char === "," || char === ")")) {
      found.push(text.slice(from, at).trim());
      from = at + 1;
      if (char === ")") break;
    } else if (")]}".includes(char)) depth--;
  }
  return found.filter((each) => each !== "");
}

function afterString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[start]) return at + 1;
    else if (text[start] === "`" && text.startsWith("${", at)) at = afterHole(text, at + 2) - 1;
  }
  return text.length;
}

function afterHole(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if ("\"'`".includes(text[at])) at = afterString(text, at) - 1;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && depth-- === 0) return at + 1;
  }
  return text.length;
}

// Returns the answer for the value of `main`, which may be streamed.
async function answer(value: any): Promise<string> {
  return isStreamed(value) ? stream(value) : toJson(value);
}

// Whether a value is streamed: async generators, ReadableStream, generators and other iterators, but not values such as
// arrays.
function isStreamed(value: any): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== "object" || value === null) return false;
  if (typeof value[Symbol.asyncIterator] === "function") return true;
  return typeof value[Symbol.iterator] === "function" && typeof value.next === "function";
}

// Streams all values: texts unchanged, bytes as UTF-8, anything else as JSON. The answer null stands for the streamed
// text.
async function stream(values: AsyncIterable<unknown> | Iterable<unknown>): Promise<string> {
  const decoder = new TextDecoder();
  let given = false;
  const give = async (text: string) => {
    if (text === "") return;
    given = true;
    await writeStreamed(text);
  };
  for await (const value of values) {
    if (value instanceof Uint8Array) await give(decoder.decode(value, { stream: true }));
    else {
      const json = toJson(value);
      await give(typeof value === "string" ? value : json);
    }
  }
  await give(decoder.decode());
  return given ? "null" : '""';
}

// Writes in the format of stream_marks.py. A line is one write of at most a page, which no other output can interrupt.
async function writeStreamed(text: string): Promise<void> {
  for (let start = 0; start < text.length; ) {
    let end = start + STREAMED_CHARS;
    if (/[\ud800-\udbff]/.test(text[end - 1] ?? "")) end--;
    const part = text.slice(start, end).replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\0", "\\0");
    await writeLine(`\x1eOV_STREAM: ${part}`);
    start = end;
  }
}

// A member that is undefined is null, as in an array; a BigInt is its digits.
function asJson(_: string, value: unknown): unknown {
  if (value === undefined) return null;
  return typeof value === "bigint" ? String(value) : value;
}

function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value ?? null, asJson);
  } catch (error) {
    if (error instanceof RangeError) throw new ResultNotJson("the result is nested too deeply");
    throw new ResultNotJson(wrong(value) ?? `the result is not JSON: ${(error as Error)?.message}`);
  }
  // Values that JSON cannot represent become one of these, so most results need no second check.
  if (text === undefined || /\{\}|\\ud[89a-f]/.test(text)) {
    const found = wrong(value);
    if (found !== null) throw new ResultNotJson(found);
  }
  if (text === undefined) throw new ResultNotJson(`result is of type ${typeof value}, which is not JSON`);
  const size = Buffer.byteLength(text);
  if (size > resultBytes) throw new ResultTooLarge(`the result has ${sizeText(size)}, the limit is ${sizeText(resultBytes)}`);
  return text;
}

// Returns a description of the part of `value` that is not JSON, found without recursion.
function wrong(value: unknown): string | null {
  type Look = { path: string; here: unknown; above: Look | null };
  const todo: Look[] = [{ path: "result", here: value, above: null }];
  for (let look = todo.pop(); look; look = todo.pop()) {
    const { path, here } = look;
    if (typeof here === "string" && !here.isWellFormed()) return `${path} contains an unpaired surrogate, which UTF-8 cannot encode`;
    if (typeof here !== "object" || here === null) continue;
    for (let above = look.above; above; above = above.above) if (above.here === here) return `${path} contains itself`;
    if (here instanceof Map || here instanceof Set)
      return `${path} is of type ${here.constructor.name}, which is not JSON`;
    const inner = typeof (here as any).toJSON === "function" ? { "": (here as any).toJSON() } : here;
    for (const [key, item] of Object.entries(inner).reverse()) {
      const where = key === "" && inner !== here ? path : Array.isArray(here) ? `${path}[${key}]` : `${path}.${key}`;
      todo.push({ path: where, here: item, above: inner === here ? look : look.above });
    }
  }
  return null;
}

function sizeText(size: number): string {
  for (const [unit, factor] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const)
    if (size >= factor) return `${Number((size / factor).toPrecision(4))} ${unit}`;
  return `${size} bytes`;
}

function describe(thrown: unknown): Described {
  const own = OWN.find((kind) => thrown instanceof kind);
  if (own === ResultTooLarge) return named("result_too_large", (thrown as Error).message, null);
  if (own) return named(own.name, (thrown as Error).message, null);
  const { name, message, stack } = read(thrown);
  if (name === "BuildMessage") return named("SyntaxError", built(thrown as BuildMessage), null);
  if (name === "ResolveMessage") return named("ModuleNotFound", shortened(message), null);
  if (thrown instanceof AggregateError && thrown.errors.length && read(thrown.errors[0]).name === "BuildMessage")
    return named("SyntaxError", thrown.errors.map(built).join("\n"), null);
  if (name === "RangeError" && message === "Out of memory") return named("MemoryError", message, userFrames(stack));
  return { ...named(name, message, userFrames(stack)), ...extraOf(thrown) };
}

// Returns the own properties of an error that are JSON, up to a size.
function extraOf(thrown: unknown): { extra?: Record<string, unknown> } {
  const extra: Record<string, unknown> = {};
  let left = EXTRA_CHARS;
  for (const key of thrown instanceof Error ? Object.keys(thrown) : [])
    try {
      const text = JSON.stringify((thrown as any)[key], asJson);
      left -= key.length + text.length;
      if (left < 0) break;
      if (!OF_ERROR.has(key) && `${key}${text}`.isWellFormed() && !/\\ud[89a-f]/.test(text)) extra[key] = JSON.parse(text);
    } catch {}
  return Object.keys(extra).length ? { extra } : {};
}

// Reads a thrown value, whose getters may run user code and throw as well.
function read(thrown: unknown): Described {
  if (typeof thrown !== "object" || thrown === null) return { name: "Error", message: String(thrown), stack: null };
  const text = (key: "name" | "message" | "stack") => {
    try {
      const value = (thrown as any)[key];
      return typeof value === "string" ? value : null;
    } catch {
      return null;
    }
  };
  return { name: text("name") || "Error", message: text("message") ?? shown(thrown), stack: text("stack") };
}

function shown(thrown: object): string {
  try {
    return JSON.stringify(thrown) ?? "(its message cannot be shown)";
  } catch {
    return "(its message cannot be shown)";
  }
}

function built(error: BuildMessage): string {
  const line = error.position?.lineText.trim();
  return `${error.message} (line ${error.position?.line ?? "?"})${line ? `: ${line}` : ""}`;
}

function named(name: string, message: string, stack: string | null): Described {
  return { name, message: cut(message, MESSAGE_CHARS), stack: stack && cut(stack, STACK_CHARS) };
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}\n… ${text.length - most} more characters`;
}

// Returns the stack down to the script's outermost frame, or null if it has none. Frames below belong to this program.
function userFrames(stack: string | null): string | null {
  const lines = (stack ?? "").split("\n");
  const last = lines.findLastIndex((line) => /^\s+at /.test(line) && line.includes(`${folder}/${script}`));
  return last < 0 ? null : shortened(lines.slice(0, last + 1).join("\n"));
}

// Removes the folders of the script and of its imports from a text.
function shortened(text: string): string {
  const own = text.replaceAll(`${folder}/`, "");
  return imports ? own.replaceAll(`${imports}/`, "") : own;
}
