import type { Printed } from "../../api/stream";
import { Lines } from "./lines";
import { type Filter, wants } from "./text";

/** More lines than these are not kept at once. */
export const MOST_LINES = 500_000;
const MOST_CHARS = 96 << 20;

type Later = (work: () => void) => void;

/** The log that is read: its lines, which of them are shown, where the words that are looked for stand. */
export class Reading {
  lines = new Lines();
  filter: Filter = "all";
  query = "";
  /** The places (in what is shown) of lines with the words. */
  hits: number[] = [];
  /** Whether more was printed than is kept at once. */
  full = false;
  ended = false;
  heard = true;
  version = 0;
  private shown: number[] | null = null;
  private filtered = 0;
  private searched = 0;
  private chars = 0;
  private waiting = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly later: Later = (work) => requestAnimationFrame(() => work())) {}

  /** How many lines are shown. */
  get count(): number {
    return this.shown === null ? this.lines.length : this.shown.length;
  }

  /** The line at a place of what is shown. */
  index(place: number): number {
    return this.shown === null ? place : (this.shown[place] ?? -1);
  }

  take(parts: readonly Printed[]): void {
    const known = this.lines.length;
    const first = this.lines.append(parts);
    for (const part of parts) this.chars += part.text.length;
    this.full = this.lines.length >= MOST_LINES || this.chars >= MOST_CHARS;
    if (first < known) this.again(first);
    this.show();
    this.search();
    this.tell();
  }

  say(change: { heard?: boolean; ended?: boolean }): void {
    Object.assign(this, change);
    this.tell();
  }

  /** Begins anew with what follows. */
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
    this.show();
    this.setQuery(this.query);
  }

  setQuery(query: string): void {
    this.query = query;
    this.hits = [];
    this.searched = 0;
    this.search();
    this.tell();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A line that was there goes on: what was decided of it and of those behind it is decided anew. */
  private again(first: number): void {
    if (this.shown !== null) {
      while (this.shown.length > 0 && (this.shown.at(-1) ?? 0) >= first) this.shown.pop();
      this.filtered = Math.min(this.filtered, first);
    }
    const place = this.shown === null ? first : this.shown.length;
    while (this.hits.length > 0 && (this.hits.at(-1) ?? 0) >= place) this.hits.pop();
    this.searched = Math.min(this.searched, place);
  }

  private show(): void {
    if (this.shown === null) return;
    for (; this.filtered < this.lines.length; this.filtered++) {
      if (wants(this.filter, this.lines.levelAt(this.filtered))) this.shown.push(this.filtered);
    }
  }

  private search(): void {
    const query = this.query.toLowerCase();
    if (!query) return;
    for (; this.searched < this.count; this.searched++) {
      if (this.lines.textAt(this.index(this.searched)).toLowerCase().includes(query)) this.hits.push(this.searched);
    }
  }

  private tell(): void {
    if (this.waiting) return;
    this.waiting = true;
    this.later(() => {
      this.waiting = false;
      this.version++;
      for (const listener of this.listeners) listener();
    });
  }
}

/** The parts of a line: those at odd places are the words that are looked for. */
export function marked(text: string, query: string): string[] {
  const parts: string[] = [];
  const wanted = query.toLowerCase();
  const lowered = text.toLowerCase();
  // Where small letters are longer than large ones, no place in one is a place in the other.
  if (!wanted || lowered.length !== text.length) return [text];
  let from = 0;
  for (let at = lowered.indexOf(wanted); at >= 0; at = lowered.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), text.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}
