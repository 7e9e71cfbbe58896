import type { TimedBody } from "../../api/iterations";
import type { RunEvent } from "../../api/run-events";

/** Cause of a wait. */
export type Cause = "Delay" | "Approval" | "Limit" | "Debounce" | "Retry";

/** Time that a node spent in one state. `to` null: it is still in it. Times are milliseconds since 1970. */
export interface Segment {
  kind: "queued" | "waiting" | "running";
  from: number;
  to: number | null;
  /** Attempt, worker and failure of a segment that runs. */
  attempt: number;
  worker: string | null;
  failed: boolean;
  /** Cause of a wait; null for other kinds. */
  why: Cause | null;
}

/** A node, an iteration, or an attempt over time. */
export interface Track {
  node: string;
  job: string | null;
  segments: Segment[];
}

const WAITS: Record<string, Cause> = {
  delay: "Delay",
  approval_opened: "Approval",
  limit: "Limit",
  debounced: "Debounce",
};

/**
 * Return the tracks of the nodes. `events`: those of the top level of a run. `runStart`: the run starts with its first
 * job, in milliseconds since 1970; a loop that opened earlier waits in the queue until then.
 */
export function tracksOf(events: readonly RunEvent[], runStart?: number): Map<string, Track> {
  const tracks = new Map<string, Track>();
  for (const event of events) {
    if (!event.node) continue;
    const known = tracks.get(event.node);
    const track = known ?? { node: event.node, job: null, segments: [] };
    track.job = event.job ?? track.job;
    addEvent(track, event, runStart ?? Number.NEGATIVE_INFINITY);
    if (!known && track.segments.length > 0) tracks.set(event.node, track);
  }
  return tracks;
}

function addEvent(track: Track, event: RunEvent, runStart: number): void {
  const at = Date.parse(event.at);
  const last = track.segments.at(-1);
  const openSegment = (part: Partial<Segment> & Pick<Segment, "kind">) => {
    closeSegment(track.segments.at(-1), part.from ?? at);
    track.segments.push({ from: at, to: null, attempt: 1, worker: null, failed: false, why: null, ...part });
  };
  switch (event.kind) {
    case "queued":
      openSegment({ kind: "queued" });
      break;
    case "started": {
      const attempt = event.attempt ?? 1;
      // A node that was decided in one moment may have an event of its start after that of its end.
      if (last?.kind === "running" && last.to !== null) break;
      if (last?.kind === "queued" && last.to !== null) {
        openSegment({ kind: "running", from: last.to, to: last.to, attempt, worker: event.worker ?? null });
        break;
      }
      // The event of the end of a job may correct the start of its code.
      if (last?.kind === "running" && last.to === null && last.attempt === attempt) {
        last.from = at;
        last.worker = event.worker ?? last.worker;
        break;
      }
      if (at < runStart) openSegment({ kind: "queued" });
      // A node without a job only waits.
      openSegment({ kind: "running", from: Math.max(at, runStart), attempt, worker: event.worker ?? null });
      break;
    }
    case "attempt_ended":
      if (last) last.failed = true;
      openSegment({ kind: "waiting", why: "Retry" });
      break;
    case "ended":
      // A condition is decided in one moment, without a start.
      if (!last) openSegment({ kind: "running", to: at });
      if (last && event.error) last.failed = true;
      closeSegment(last, at);
      break;
    case "approval_decided":
    case "approved":
    case "disapproved":
      if (last?.kind === "waiting") closeSegment(last, at);
      break;
    default: {
      const why = WAITS[event.kind];
      if (why !== undefined) openSegment({ kind: "waiting", why });
    }
  }
}

function closeSegment(segment: Segment | undefined, at: number): void {
  if (segment && segment.to === null) segment.to = Math.max(at, segment.from);
}

/** Merge two lists of events. Of an event in both lists the later one is used. */
export function withEvents(before: readonly RunEvent[], more: readonly RunEvent[]): RunEvent[] {
  const again = new Set(more.map((each) => each.id));
  return [...before.filter((each) => !again.has(each.id)), ...more];
}

/** Return the time that a track spent in one state, in milliseconds. `now` is the end of open segments. */
export function timeSpent(track: Track, kind: Segment["kind"], now: number): number {
  return track.segments
    .filter((each) => each.kind === kind)
    .reduce((sum, { from, to }) => sum + Math.max((to ?? now) - from, 0), 0);
}

/** Split a track into those of its attempts. A wait belongs to the attempt after it. */
export function attemptsOf(track: Track): Track[] {
  const made: Track[] = [];
  let before: Segment[] = [];
  for (const segment of track.segments) {
    before.push(segment);
    if (segment.kind !== "running") continue;
    made.push({ ...track, segments: before });
    before = [];
  }
  if (before.length > 0 && made.length > 0) made.push({ ...track, segments: before });
  return made;
}

/** Return the track of a job, without its attempts. */
export function trackOf(body: TimedBody): Track {
  const [queued, from] = [Date.parse(body.created_at), Date.parse(body.started_at ?? "")];
  const to = body.ended_at === null ? null : Date.parse(body.ended_at);
  const began = body.started_at !== null;
  const common = { attempt: 1, why: null };
  const segments: Segment[] = [];
  if (body.kind === "approval" && began) {
    segments.push({
      kind: "waiting",
      from,
      to,
      worker: null,
      failed: body.status === "failed",
      attempt: 1,
      why: "Approval",
    });
    return { node: body.node ?? "", job: body.job, segments };
  }
  if (!began || from > queued)
    segments.push({ kind: "queued", from: queued, to: began ? from : to, worker: null, failed: false, ...common });
  if (began)
    segments.push({ kind: "running", from, to, worker: body.worker, failed: body.status === "failed", ...common });
  return { node: body.node ?? "", job: body.job, segments };
}

/** Return the position of a segment on a line from `start` to `end`, in percent. */
export function segmentPosition(
  { from, to }: Pick<Segment, "from" | "to">,
  [start, end]: readonly [number, number],
): { x: number; width: number } {
  const whole = Math.max(end - start, 1);
  const clamp = (at: number) => Math.min(Math.max(at, 0), 100);
  const x = clamp(((from - start) / whole) * 100);
  return { x, width: clamp((((to ?? end) - start) / whole) * 100) - x };
}

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const DECIMAL = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const SIXTIETHS = [1, 2, 5, 10, 15, 30];
/** Distances of marks that are round in the unit in which they are shown, shortest first. */
const DISTANCES = [
  ...DECIMAL,
  ...SIXTIETHS.map((each) => each * SECOND),
  ...SIXTIETHS.map((each) => each * MINUTE),
  ...[1, 2, 3, 6, 12].map((each) => each * HOUR),
];

/** Return round times for the marks of a line of `whole` milliseconds, at most `most` of them. */
export function ticks(whole: number, most: number): number[] {
  if (whole <= 0) return [];
  const days = Math.ceil(whole / DAY / most);
  const size = DISTANCES.find((distance) => whole / distance <= most) ?? days * DAY;
  return Array.from({ length: Math.floor(whole / size) }, (_, n) => (n + 1) * size);
}
