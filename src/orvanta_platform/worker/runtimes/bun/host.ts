// Runs a TypeScript or JavaScript script in Bun: `bun -e <values.ts and this text> ARGUMENTS ANSWER LIMIT DEDICATED
// STDIO SCHEMES SCRIPT IMPORTS ENTRY DATES…`.
// ARGUMENTS and ANSWER are descriptors: a JSON object, and the destination of answers (sandbox/job.py). LIMIT is the
// maximum size of the result in bytes. STDIO 1: the script may use process.stdout. SCHEMES 1: it may import `npm:name`.
// SCRIPT is the script's file below the current folder, IMPORTS the folder of the scripts that it imports, or empty,
// ENTRY the function to call, DATES the parameters of main that are annotated as Date.
// Modules of Node are loaded only when needed, as each takes as long as the start of Bun itself.

type Kind = "result" | "error";
type Environment = Record<string, string>;

const CHUNK = 64 << 10;

const folder = process.cwd();
const [inputs, answers, resultBytes, dedicated, stdio, schemes] = process.argv.slice(1, 7).map(Number);
const [script, imports, entry, ...dates] = process.argv.slice(7);
const reallyExit = process.reallyExit.bind(process);
let answered = false;

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
  return answer(await callEntry(await import(`${folder}/${script}`), given, entry, dates));
}

async function writeLine(text: string): Promise<void> {
  await drainStdio();
  await writeOut(Buffer.from(`${text}\n`));
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
