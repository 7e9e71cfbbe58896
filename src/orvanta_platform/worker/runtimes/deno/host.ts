// Runs a script in Deno: `deno eval <values.ts and this text> ARGUMENTS ANSWER LIMIT SCRIPT ENTRY DATES SETTINGS…`, as
// host.ts of Bun does. DATES are separated by commas. SETTINGS are the names of variables that only Deno itself reads.

const folder = `file://${Deno.cwd()}`;
const [inputs, answers, resultBytes] = Deno.args.slice(0, 3).map(Number);
const [script, entry] = Deno.args.slice(3, 5);
const dates = Deno.args[5].split(",");
const imports = "";
let answered = false;

function writeAnswer(kind: "result" | "error", text: string): void {
  if (answered) return;
  const body = new TextEncoder().encode(text);
  const head = new Uint8Array(9);
  head[0] = kind.charCodeAt(0);
  new DataView(head.buffer).setBigUint64(1, BigInt(body.length));
  const file = Deno.openSync(`/proc/self/fd/${answers}`, { write: true });
  for (const data of [head, body])
    for (let sent = 0; sent < data.length; ) sent += file.writeSync(data.subarray(sent));
  answered = true;
}

function writeLine(text: string): void {
  const line = new TextEncoder().encode(`${text}\n`);
  for (let sent = 0; sent < line.length; ) sent += Deno.stdout.writeSync(line.subarray(sent));
}

async function call(): Promise<string> {
  const given = JSON.parse(Deno.readTextFileSync(`/proc/self/fd/${inputs}`) || "{}");
  return answer(await callEntry(await import(`${folder}/${script}`), given, entry, dates));
}

function end(kind: "result" | "error", text: string): never {
  writeAnswer(kind, text);
  Deno.exit(0);
}

const UNPARSED = "SyntaxError: ";

function fail(thrown: unknown): never {
  const found = describe(thrown);
  const { name, message } = found;
  const unparsed = name === "TypeError" && message.startsWith(UNPARSED);
  const described = unparsed ? named("SyntaxError", shortened(message.slice(UNPARSED.length)), null) : found;
  end("error", JSON.stringify(described));
}

for (const name of Deno.args.slice(6)) Deno.env.delete(name);
addEventListener("unload", () => {
  if (Deno.exitCode === 0) writeAnswer("result", "null");
});
addEventListener("beforeunload", () => {
  fail(new NeverSettled("main waits for something that never comes"));
});
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fail(event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  fail(event.error);
});
call().then((text) => end("result", text), fail);
