import type { LogPart } from "../../api/stream";
import { type Filter, passesFilter } from "./levels";
import { Lines } from "./lines";

/** Maximum number of lines in the buffer. */
export const MAX_LINES = 500_000;
const MAX_CHARS = 96 << 20;

type Scheduler = (work: () => void) => void;

/** Log that is being read: its lines, those that pass the filter, and the matches of the search. */
export class LogBuffer {
  lines = new Lines();
  filter: Filter = "all";
  query = "";
  /** Positions of lines with matches among the shown lines. */
  hits: number[] = [];
  /** The buffer is full: the log has more lines. */
  full = false;
  ended = false;
  /** Everything written before the log was opened has been read. */
  loaded = false;
  connected = true;
  version = 0;
  private shown: number[] | null = null;
  private filtered = 0;
  private searched = 0;
  private chars = 0;
  private waiting = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly later: Scheduler = (work) => requestAnimationFrame(() => work())) {}

  /** Number of lines that are shown. */
  get count(): number {
    return this.shown === null ? this.lines.length : this.shown.length;
  }

  /** Index of the line at a position among the shown lines. */
  index(place: number): number {
    return this.shown === null ? place : (this.shown[place] ?? -1);
  }

  append(parts: readonly LogPart[]): void {
    const known = this.lines.length;
    const first = this.lines.append(parts);
    for (const part of parts) this.chars += part.text.length;
    this.full = this.lines.length >= MAX_LINES || this.chars >= MAX_CHARS;
    if (first < known) this.invalidateFrom(first);
    this.filterNew();
    this.searchNew();
    this.notify();
  }

  setStatus(change: { connected?: boolean; ended?: boolean; loaded?: boolean }): void {
    Object.assign(this, change);
    this.notify();
  }

  /** Remove all lines, to read from another position. */
  clear(): void {
    this.lines = new Lines();
    this.chars = 0;
    this.full = false;
    this.ended = false;
    this.setFilter(this.filter);
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.shown = filter === "all" ? null : [];
    this.filtered = 0;
    this.filterNew();
    this.setQuery(this.query);
  }

  setQuery(query: string): void {
    this.query = query;
    this.hits = [];
    this.searched = 0;
    this.searchNew();
    this.notify();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Filter and search the lines from `first` on again, because the text of that line has changed. */
  private invalidateFrom(first: number): void {
    if (this.shown !== null) {
      while (this.shown.length > 0 && (this.shown.at(-1) ?? 0) >= first) this.shown.pop();
      this.filtered = Math.min(this.filtered, first);
    }
    const place = this.shown === null ? first : this.shown.length;
    while (this.hits.length > 0 && (this.hits.at(-1) ?? 0) >= place) this.hits.pop();
    this.searched = Math.min(this.searched, place);
  }

  private filterNew(): void {
    if (this.shown === null) return;
    for (; this.filtered < this.lines.length; this.filtered++) {
      if (passesFilter(this.filter, this.lines.levelAt(this.filtered))) this.shown.push(this.filtered);
    }
  }

  private searchNew(): void {
    const query = this.query.toLowerCase();
    if (!query) return;
    for (; this.searched < this.count; this.searched++) {
      if (this.lines.textAt(this.index(this.searched)).toLowerCase().includes(query)) this.hits.push(this.searched);
    }
  }

  private notify(): void {
    if (this.waiting) return;
    this.waiting = true;
    this.later(() => {
      this.waiting = false;
      this.version++;
      for (const listener of this.listeners) listener();
    });
  }
}

/** Split a line at the matches of a query: the parts at odd places are the matches. */
export function splitMatches(text: string, query: string): string[] {
  const parts: string[] = [];
  const loweredQuery = query.toLowerCase();
  const lowered = text.toLowerCase();
  // When lower-casing changes the length, positions in the two strings do not correspond.
  if (!loweredQuery || lowered.length !== text.length) return [text];
  let from = 0;
  for (let at = lowered.indexOf(loweredQuery); at >= 0; at = lowered.indexOf(loweredQuery, from)) {
    parts.push(text.slice(from, at), text.slice(at, at + loweredQuery.length));
    from = at + loweredQuery.length;
  }
  parts.push(text.slice(from));
  return parts;
}
