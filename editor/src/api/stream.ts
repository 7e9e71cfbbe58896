import { BASE, CREDENTIALS } from "./client";
import type { RunGraph } from "./runs";

/** A part of a node's log. `offset` counts characters of that attempt's log. */
export interface LogPart {
  job: string;
  node: string;
  attempt: number;
  place?: number;
  offset: number;
  text: string;
}

export interface RunListener {
  status: (graph: RunGraph) => void;
  /** `cursor`: what follows behind these parts can be asked for by it. */
  log?: (parts: LogPart[], cursor: string) => void;
  end: (status: string) => void;
  /** Whether the server is heard. */
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
/** A stream says at least each 15 s that it is alive. */
const SILENCE_MS = 40_000;

/**
 * Follows a run until it has ended, without its logs where nobody takes them; where the line breaks it goes on after the
 * last message. Gives what stops it.
 */
export function follow(
  workspace: string,
  run: string,
  listener: RunListener,
  { cursor, ...asked }: LogSelection = {},
): () => void {
  const stop = new AbortController();
  const query = new URLSearchParams(listener.log ? {} : { logs: "false" });
  for (const [name, value] of Object.entries(asked)) query.set(name, String(value));
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
      // The line broke: it is tried again below.
    } finally {
      line.close();
    }
    if (signal.aborted) return;
    listener.connected(false);
    await pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)] ?? 0);
  }
}

/** One connection: it is given up where nothing is heard of it, or the browser has lost the network. */
class Line {
  private readonly cut = new AbortController();
  private silence: ReturnType<typeof setTimeout> | undefined;
  private readonly give = () => this.cut.abort();

  constructor(private readonly outer: AbortSignal) {
    outer.addEventListener("abort", this.give);
    window.addEventListener("offline", this.give);
    this.heard();
  }

  get signal(): AbortSignal {
    return this.cut.signal;
  }

  heard(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(this.give, SILENCE_MS);
  }

  close(): void {
    clearTimeout(this.silence);
    this.outer.removeEventListener("abort", this.give);
    window.removeEventListener("offline", this.give);
  }
}

/** Until then, or until the browser has its network again. */
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

/** Reads messages until the stream ends; true where the run has. */
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
    line.heard();
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
