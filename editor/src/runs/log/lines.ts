import type { LogPart } from "../../api/stream";
import { LEVELS, type Level, levelOf, stripEscapes } from "./levels";

/** Source of a line: one attempt of one job. `place`: number of its iteration or branch, from 0; `at`: time of its first line. */
export interface Owner {
  job: string;
  node: string | null;
  attempt: number;
  place: number | null;
  at: number;
}

/** Return the name of an owner. Iterations and branches are counted from 1, as in the graph and the timeline. */
export const ownerName = ({ node, place, attempt }: Owner): string =>
  [node ?? "", place === null ? "" : `[${place + 1}]`, attempt > 1 ? ` ×${attempt}` : ""].join("");

/** Line as shown. `cut`: number of characters that are omitted; `at`: when it was written, in milliseconds since 1970. */
export interface Line {
  text: string;
  level: Level | null;
  owner: Owner;
  cut: number;
  at: number;
}

export const MAX_LINE_LENGTH = 10_000;

interface Open {
  index: number;
  raw: string;
  lost: number;
}

/**
 * Lines of logs, in the order of their beginnings. Text arrives in parts, which may end in the middle of a line.
 * Components read lines by their index and do not store them.
 */
export class Lines {
  private readonly texts: string[] = [];
  private readonly times: number[] = [];
  private readonly owners: Owner[] = [];
  private readonly owner: number[] = [];
  private readonly levels: number[] = [];
  private readonly cuts = new Map<number, number>();
  private readonly known = new Map<string, number>();
  private readonly open = new Map<number, Open>();
  private readonly last = new Map<number, Level | null>();

  get length(): number {
    return this.texts.length;
  }

  at(index: number): Line | null {
    const owner = this.owners[this.owner[index] ?? -1];
    if (!owner) return null;
    const level = LEVELS[(this.levels[index] ?? 0) - 1] ?? null;
    return { text: this.texts[index] ?? "", level, owner, cut: this.cuts.get(index) ?? 0, at: this.times[index] ?? 0 };
  }

  textAt(index: number): string {
    return this.texts[index] ?? "";
  }

  levelAt(index: number): Level | null {
    return LEVELS[(this.levels[index] ?? 0) - 1] ?? null;
  }

  /** Add text and return the index of the first line that changed. */
  append(parts: readonly LogPart[]): number {
    let first = this.length;
    for (const part of parts) first = Math.min(first, this.appendPart(part));
    return first;
  }

  private appendPart(part: LogPart): number {
    const at = Date.parse(part.at);
    const owner = this.ownerOf(part, at);
    const before = this.open.get(owner);
    const first = before?.index ?? this.length;
    const pieces = part.text.split("\n");
    for (const [place, piece] of pieces.entries()) {
      const ended = place < pieces.length - 1;
      if (piece || ended || this.open.has(owner)) this.write(owner, piece, ended, at);
    }
    return first;
  }

  private write(owner: number, piece: string, ended: boolean, at: number): void {
    const line = this.open.get(owner) ?? { index: this.length, raw: "", lost: 0 };
    const room = Math.max(MAX_LINE_LENGTH * 2 - line.raw.length, 0);
    line.raw += piece.slice(0, room);
    line.lost += Math.max(piece.length - room, 0);
    const text = stripEscapes(line.raw);
    const cut = Math.max(text.length - MAX_LINE_LENGTH, 0) + line.lost;
    const level = levelOf(text, this.last.get(owner) ?? null);
    this.texts[line.index] = cut > 0 ? text.slice(0, MAX_LINE_LENGTH) : text;
    this.owner[line.index] = owner;
    this.times[line.index] ??= at;
    this.levels[line.index] = level === null ? 0 : LEVELS.indexOf(level) + 1;
    if (cut > 0) this.cuts.set(line.index, cut);
    if (ended) {
      this.open.delete(owner);
      this.last.set(owner, level);
    } else this.open.set(owner, line);
  }

  private ownerOf({ job, node, attempt, place }: LogPart, at: number): number {
    const key = `${job} ${attempt}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, this.owners.length);
    return this.owners.push({ job, node: node ?? null, attempt, place: place ?? null, at }) - 1;
  }
}
