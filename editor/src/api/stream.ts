import { BASE, CREDENTIALS } from "./client";
import type { RunGraph } from "./runs";

/** Part of the log of a node. `offset`: position in the log of the attempt, in characters; `at`: when it was written. */
export interface LogPart {
  job: string;
  node: string;
  attempt: number;
  place?: number;
  offset: number;
  text: string;
  at: string;
}

export interface RunListener {
  /** Each status after the first one follows the log parts that were written before it. */
  status: (graph: RunGraph) => void;
  /** `cursor`: position after these parts. */
  log?: (parts: LogPart[], cursor: string) => void;
  end: (status: string) => void;
  /** Called when the connection is established or lost. */
  connected: (yes: boolean) => void;
}

/** Jobs whose logs are streamed, all if none is named; `cursor`: the position after which they start. */
export interface LogSelection {
  node?: string;
  job?: string;
  attempt?: number;
  cursor?: string;
}

const PAUSES_MS = [300, 1000, 3000, 5000];
/** Time after which a silent connection is closed. The server sends at least every 15 s. */
const SILENCE_MS = 40_000;

/**
 * Follow a run until it ends, with its logs if the listener has `log`. After a lost connection the stream resumes after the
 * last message. Return a function that stops it.
 */
export function follow(
  workspace: string,
  run: string,
  listener: RunListener,
  { cursor, ...selection }: LogSelection = {},
): () => void {
  const stop = new AbortController();
  const query = new URLSearchParams(listener.log ? {} : { logs: "false" });
  for (const [name, value] of Object.entries(selection)) query.set(name, String(value));
  void listen(workspace, `${BASE}/api/v1/runs/${run}/stream?${query}`, listener, stop.signal, cursor);
  return () => stop.abort();
}

async function listen(
  workspace: string,
  address: string,
  listener: RunListener,
  signal: AbortSignal,
  after = "",
): Promise<void> {
  const cursor = { id: after };
  for (let tries = 0; !signal.aborted; tries++) {
    const line = new Line(signal);
    try {
      const headers: Record<string, string> = { "X-Workspace": workspace, Accept: "text/event-stream" };
      if (cursor.id) headers["Last-Event-ID"] = cursor.id;
      const answer = await fetch(address, { headers, signal: line.signal, credentials: CREDENTIALS });
      if (answer.status >= 400 && answer.status < 500) return listener.end("unknown");
      if (answer.ok && answer.body) {
        listener.connected(true);
        tries = 0;
        if (await read(answer.body, line, cursor, listener)) return;
      }
    } catch {
      // The connection was lost and is retried below.
    } finally {
      line.close();
    }
    if (signal.aborted) return;
    listener.connected(false);
    await pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)] ?? 0);
  }
}

/** Connection that is aborted after a silence, or when the browser is offline. */
class Line {
  private readonly cut = new AbortController();
  private silence: ReturnType<typeof setTimeout> | undefined;
  private readonly abort = () => this.cut.abort();

  constructor(private readonly outer: AbortSignal) {
    outer.addEventListener("abort", this.abort);
    window.addEventListener("offline", this.abort);
    this.reset();
  }

  get signal(): AbortSignal {
    return this.cut.signal;
  }

  reset(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(this.abort, SILENCE_MS);
  }

  close(): void {
    clearTimeout(this.silence);
    this.outer.removeEventListener("abort", this.abort);
    window.removeEventListener("offline", this.abort);
  }
}

/** Wait for a time, or until the browser is online again. */
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, ms);
    window.addEventListener("online", end);
  });
}

/** Read messages until the stream ends. Return true if the run has ended. */
async function read(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  line: Line,
  cursor: { id: string },
  listener: RunListener,
): Promise<boolean> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    line.reset();
    const messages = (rest + value).split("\n\n");
    rest = messages.pop() ?? "";
    for (const message of messages) if (dispatch(message, cursor, listener)) return true;
  }
}

function dispatch(message: string, cursor: { id: string }, listener: RunListener): boolean {
  const fields = { event: "message", data: "", id: "" };
  for (const line of message.split("\n")) {
    const [, name, text] = line.match(/^(event|data|id): ?(.*)$/) ?? [];
    if (name === "data") fields.data += text;
    else if (name) fields[name as "event" | "id"] = text ?? "";
  }
  if (fields.id) cursor.id = fields.id;
  if (!fields.data) return false;
  const data = JSON.parse(fields.data);
  if (fields.event === "status") listener.status(data);
  else if (fields.event === "log") listener.log?.(data.logs, cursor.id);
  else if (fields.event === "end") listener.end(data.status);
  return fields.event === "end";
}
