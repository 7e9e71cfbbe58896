// Runs a TypeScript or JavaScript script in Bun: `bun -e <this text> ARGUMENTS ANSWER LIMIT DEDICATED STDIO SCHEMES
// SCRIPT IMPORTS`.
// ARGUMENTS and ANSWER are descriptors: a JSON object, and the destination of answers (sandbox/job.py). LIMIT is the
// maximum size of the result in bytes. STDIO 1: the script may use process.stdout. SCHEMES 1: it may import `npm:name`.
// SCRIPT is the script's file below the current folder, IMPORTS the folder of the scripts that it imports, or empty.
// Modules of Node are loaded only when needed, as each takes as long as the start of Bun itself.

type Kind = "result" | "error";
type Described = { name: string; message: string; stack: string | null };
type Parameter = { name: string | null; rest: boolean };
type Environment = Record<string, string>;

const STACK_CHARS = 32 << 10;
const MESSAGE_CHARS = 64 << 10;
const CHUNK = 64 << 10;
const STREAMED_CHARS = 1000;
const NAME = String.raw`(?:[\p{ID_Continue}$\u200c\u200d]|\\u\{\w+\}|\\u\w{4})+`;

const folder = process.cwd();
const [inputs, answers, resultBytes, dedicated, stdio, schemes] = process.argv.slice(1, 7).map(Number);
const [script, imports] = process.argv.slice(7);
const reallyExit = process.reallyExit.bind(process);
let answered = false;

class ResultNotJson extends Error {}
class MissingMain extends Error {}
class ResultTooLarge extends Error {}
class NeverSettled extends Error {}
class ExitCode extends Error {}
const OWN = [ResultNotJson, MissingMain, ResultTooLarge, NeverSettled, ExitCode];

const written: Promise<void>[] = [];

// Unlike console.log, process.stdout.write does not wait if the pipe is full, so the last write of each is awaited.
function watchStdio(): void {
  for (const [place, stream] of [process.stdout, process.stderr].entries()) {
    const write: (...words: unknown[]) => boolean = stream.write.bind(stream);
    stream.write = (chunk: any, encoding?: any, done?: any): boolean => {
      if (typeof encoding === "function") [encoding, done] = [undefined, encoding];
      if (!chunk?.length) return write(chunk, encoding, done);
      const { promise, resolve } = Promise.withResolvers<void>();
      written[place] = promise;
      return write(chunk, encoding, (error: unknown) => (resolve(), done?.(error)));
    };
  }
}

async function drainStdio(): Promise<void> {
  await Promise.all(written);
}

function framed(kind: Kind, body: Uint8Array): Uint8Array[] {
  if (dedicated) {
    const peak_kb = process.resourceUsage().maxRSS;
    return [Buffer.from(`${JSON.stringify({ kind, length: body.length, peak_kb })}\n`), body];
  }
  const head = Buffer.alloc(9);
  head.write(kind);
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return [head, body];
}

function writeAnswer(kind: Kind, text: string): void {
  if (answered) return;
  answered = true;
  const { writeSync } = require("node:fs");
  for (const data of framed(kind, Buffer.from(text)))
    for (let sent = 0; sent < data.length; ) sent += writeSync(answers, data, sent);
}

function writeError(thrown: unknown): void {
  writeAnswer("error", JSON.stringify(describe(thrown)));
}

async function writeLastAnswer(kind: Kind, text: string): Promise<void> {
  if (answered) return;
  answered = true;
  await Bun.write(Bun.file(answers), new Blob(framed(kind, Buffer.from(text))));
}

// Resolves `npm:name@range/path` to the installed package: the lock has one version of each.
function resolveSchemes(): void {
  const setup = (build: Bun.PluginBuilder) => {
    build.onResolve({ filter: /./, namespace: "npm" }, ({ path, importer }) => {
      const name = path.replace(/^((?:@[^/]+\/)?[^/@]+)@[^/]*/, "$1");
      return { path: Bun.resolveSync(name, importer || folder) };
    });
  };
  Bun.plugin({ name: "npm", setup });
}

async function call(text: string): Promise<string> {
  const given = JSON.parse(text || "{}");
  const { main } = await import(`${folder}/${script}`);
  if (typeof main !== "function") throw new MissingMain("the script exports no function main");
  const value = await main(...words(parameters(String(main)), given));
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
  await drainStdio();
  for (let start = 0; start < text.length; ) {
    let end = start + STREAMED_CHARS;
    if (/[\ud800-\udbff]/.test(text[end - 1] ?? "")) end--;
    const part = text.slice(start, end).replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\0", "\\0");
    await writeOut(Buffer.from(`\x1eOV_STREAM: ${part}\n`));
    start = end;
  }
}

async function writeOut(data: Uint8Array): Promise<void> {
  const { writeSync } = require("node:fs");
  for (let sent = 0; sent < data.length; )
    try {
      sent += writeSync(1, data, sent);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      await Bun.sleep(1);
    }
}

// A destructuring pattern receives the arguments that no other parameter names.
function words(wanted: Parameter[], given: Record<string, unknown>): unknown[] {
  const named = new Set(wanted.map((each) => each.name));
  const unnamed = () => Object.fromEntries(Object.entries(given).filter(([name]) => !named.has(name)));
  const own = (name: string) => (Object.hasOwn(given, name) ? given[name] : undefined);
  return wanted.filter((each) => !each.rest).map((each) => (each.name === null ? unnamed() : own(each.name)));
}

// Parses the parameters of a function's text as printed by Bun: without types and comments, with escaped names.
function parameters(text: string): Parameter[] {
  const bare = new RegExp(`^(?:async\\s+)?(${NAME})\\s*=>`, "u").exec(text);
  if (bare) return [{ name: unescaped(bare[1]), rest: false }];
  return split(text, text.indexOf("(") + 1).map((parameter) => {
    const name = new RegExp(`^${NAME}`, "u").exec(parameter);
    return { name: name && unescaped(name[0]), rest: parameter.startsWith("...") };
  });
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

function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value ?? null);
  } catch (error) {
    if (error instanceof RangeError) throw new ResultNotJson("the result is nested too deeply");
    throw new ResultNotJson(wrong(value) ?? `the result is not JSON: ${(error as Error)?.message}`);
  }
  // Values that JSON cannot represent become one of these, so most results need no second check.
  if (text === undefined || /null|\{\}|\\ud[89a-f]/.test(text)) {
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
    if (typeof here === "bigint") return `${path} is a BigInt, which is not JSON; return Number(x) or String(x)`;
    if (typeof here === "number" && !Number.isFinite(here)) return `${path} is ${here}, which JSON cannot hold`;
    if (typeof here === "string" && !here.isWellFormed()) return `${path} holds half of a surrogate pair, which UTF-8 cannot`;
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
  return named(name, message, userFrames(stack));
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

function exited(code: number): void {
  if (code === 0) writeAnswer("result", "null");
  else writeError(new ExitCode(`the script ended with exit code ${code}`));
}

async function end(kind: Kind, text: string): Promise<never> {
  process.off("exit", exited);
  process.off("beforeExit", drained);
  process.emit("exit", 0);
  await drainStdio();
  await writeLastAnswer(kind, text);
  return reallyExit(0);
}

const fail = (thrown: unknown) => end("error", JSON.stringify(describe(thrown)));
const drained = () => writeError(new NeverSettled("main waits for something that never comes"));

// Runs this job and all later ones of a dedicated process, until there are no more.
async function serve(text: string): Promise<never> {
  const given = { ...process.env } as Environment;
  for (let args: string | null = text; args !== null; args = nextJob(given)) {
    answered = false;
    const ended = await call(args).then(
      (text) => ["result", text] as const,
      (error) => ["error", JSON.stringify(describe(error))] as const,
    );
    await drainStdio();
    writeAnswer(...ended);
  }
  process.off("exit", exited);
  process.exit(0);
}

// Waits for the next job, sets its environment and returns its arguments; null if there are no more jobs.
function nextJob(given: Environment): string | null {
  let text = Buffer.alloc(0);
  let line = -1;
  while (line < 0) {
    const more = received();
    if (more === null) return null;
    text = Buffer.concat([text, more]);
    line = text.indexOf("\n");
  }
  const head = JSON.parse(text.toString("utf8", 0, line));
  const parts = [text.subarray(line + 1)];
  for (let missing = head.args - parts[0].length; missing > 0; missing -= parts.at(-1)!.length) {
    const more = received();
    if (more === null) return null;
    parts.push(more);
  }
  setEnvironment(given, head.env);
  process.chdir(folder);
  return Buffer.concat(parts).toString("utf8");
}

function received(): Buffer | null {
  const data = Buffer.alloc(CHUNK);
  const length = require("node:fs").readSync(answers, data);
  return length ? data.subarray(0, length) : null;
}

function setEnvironment(given: Environment, changes: Record<string, string | null>): void {
  for (const [name, text] of Object.entries(changes))
    if (text === null) delete given[name];
    else given[name] = text;
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(given, name)) delete process.env[name];
  for (const [name, text] of Object.entries(given)) if (process.env[name] !== text) process.env[name] = text;
}

delete process.env.BUN_RUNTIME_TRANSPILER_CACHE_PATH;
delete process.env.NODE_PATH; // Bun has read it
process.argv.splice(0, Infinity, process.execPath, `${folder}/${script}`);
if (stdio) watchStdio();
if (schemes) resolveSchemes();
process.on("exit", exited);
process.on("beforeExit", drained);
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
// Nothing is awaited at the top level: a module waiting for a promise that never settles would keep Bun from ending.
Bun.file(inputs)
  .text()
  .then((text) => (dedicated ? serve(text) : call(text).then((json) => end("result", json), fail)));
