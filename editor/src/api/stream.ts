import { BASE } from "./client";
import type { RunGraph } from "./runs";

/** A part of a node's log. `offset` counts characters of that attempt's log. */
export interface Printed {
  job: string;
  node: string;
  attempt: number;
  place?: number;
  offset: number;
  text: string;
}

export interface Told {
  status: (graph: RunGraph) => void;
  log: (parts: Printed[]) => void;
  end: (status: string) => void;
  /** Whether the server is heard. */
  heard: (yes: boolean) => void;
}

const PAUSES_MS = [300, 1000, 3000, 5000];

/** Follows a run until it has ended; where the line breaks it goes on after the last message. Gives what stops it. */
export function follow(workspace: string, run: string, told: Told): () => void {
  const stop = new AbortController();
  void listen(workspace, run, told, stop.signal);
  return () => stop.abort();
}

async function listen(workspace: string, run: string, told: Told, signal: AbortSignal): Promise<void> {
  const cursor = { id: "" };
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      const headers: Record<string, string> = { "X-Workspace": workspace, Accept: "text/event-stream" };
      if (cursor.id) headers["Last-Event-ID"] = cursor.id;
      const answer = await fetch(`${BASE}/api/v1/runs/${run}/stream`, { headers, signal });
      if (answer.status >= 400 && answer.status < 500) return told.end("unknown");
      if (answer.ok && answer.body) {
        told.heard(true);
        tries = 0;
        if (await read(answer.body, cursor, told)) return;
      }
    } catch {
      // The line broke: it is tried again below.
    }
    if (signal.aborted) return;
    told.heard(false);
    await new Promise((done) => setTimeout(done, PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)]));
  }
}

/** Reads messages until the stream ends; true where the run has. */
async function read(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  cursor: { id: string },
  told: Told,
): Promise<boolean> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    const messages = (rest + value).split("\n\n");
    rest = messages.pop() ?? "";
    for (const message of messages) if (tell(message, cursor, told)) return true;
  }
}

function tell(message: string, cursor: { id: string }, told: Told): boolean {
  const fields = { event: "message", data: "", id: "" };
  for (const line of message.split("\n")) {
    const [, name, text] = line.match(/^(event|data|id): ?(.*)$/) ?? [];
    if (name === "data") fields.data += text;
    else if (name) fields[name as "event" | "id"] = text ?? "";
  }
  if (fields.id) cursor.id = fields.id;
  if (!fields.data) return false;
  const data = JSON.parse(fields.data);
  if (fields.event === "status") told.status(data);
  else if (fields.event === "log") told.log(data.logs);
  else if (fields.event === "end") told.end(data.status);
  return fields.event === "end";
}
