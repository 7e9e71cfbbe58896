import { describe, expect, it, test } from "vitest";
import type { LogPart } from "../src/api/stream";
import { levelOf, stripEscapes } from "../src/runs/log/levels";
import { Lines, MAX_LINE_LENGTH, ownerName } from "../src/runs/log/lines";
import { LogBuffer, splitMatches } from "../src/runs/log/log-buffer";

const AT = "2026-01-01T00:00:00Z";
const part = (text: string, job = "j", attempt = 1, at = AT): LogPart => ({
  job,
  node: job,
  attempt,
  offset: 0,
  text,
  at,
});
const texts = (lines: Lines) => Array.from({ length: lines.length }, (_, index) => lines.textAt(index));
const reading = () => new LogBuffer((work) => work());

describe("lines", () => {
  it("are whole whatever parts they come in", () => {
    const whole = "one\n\ntwo\nthree";
    for (let cut = 0; cut <= whole.length; cut++) {
      const lines = new Lines();
      lines.append([part(whole.slice(0, cut))]);
      lines.append([part(whole.slice(cut))]);
      expect(texts(lines)).toEqual(["one", "", "two", "three"]);
    }
  });

  it("of several jobs stay apart, each attempt on a line of its own", () => {
    const lines = new Lines();
    lines.append([part("a1 ", "a"), part("b1\n", "b"), part("a2\n", "a"), part("half", "b"), part("again\n", "b", 2)]);
    expect(texts(lines)).toEqual(["a1 a2", "b1", "half", "again"]);
    expect([0, 1, 2, 3].map((each) => [lines.at(each)?.owner.node, lines.at(each)?.owner.attempt])).toEqual([
      ["a", 1],
      ["b", 1],
      ["b", 1],
      ["b", 2],
    ]);
  });

  it("have the time of the part in which they begin", () => {
    const lines = new Lines();
    lines.append([part("one\ntw"), part("o\nthree", "j", 1, "2026-01-01T00:00:05Z")]);
    const start = Date.parse(AT);
    expect([0, 1, 2].map((each) => (lines.at(each)?.at ?? 0) - start)).toEqual([0, 0, 5000]);
    expect(lines.at(2)?.owner.at).toBe(start);
  });

  it("that are very long are cut, and say by how much", () => {
    const lines = new Lines();
    for (let each = 0; each < 5; each++) lines.append([part("x".repeat(MAX_LINE_LENGTH))]);
    lines.append([part("\nnext\n")]);
    expect(lines.at(0)).toMatchObject({ cut: 4 * MAX_LINE_LENGTH, text: "x".repeat(MAX_LINE_LENGTH) });
    expect(lines.at(1)).toMatchObject({ cut: 0, text: "next" });
  });

  it("are as a terminal would leave them", () => {
    expect(stripEscapes("\x1b[1;31mred\x1b[0m and \x1b]0;title\x07plain")).toBe("red and plain");
    expect(stripEscapes("10 %\r50 %\r100 %")).toBe("100 %");
    expect(stripEscapes("from windows\r")).toBe("from windows");
    const lines = new Lines();
    lines.append([part("\x1b[3")]);
    lines.append([part("1mred\x1b[0m\n")]);
    expect(texts(lines)).toEqual(["red"]);
  });

  it("say how much they matter", () => {
    for (const [text, level] of [
      ["2026-01-01 12:00:00 ERROR things broke", "error"],
      ["ValueError: no", "error"],
      ["Traceback (most recent call last):", "error"],
      ["WARNING:root:careful", "warning"],
      ["DeprecationWarning: soon", "warning"],
      ['{"level":"info","msg":"x"}', "info"],
      ["level=debug msg=x", "debug"],
      ["[orvanta] attempt 2; before it: 1 failed", "platform"],
      ["There was no error here", null],
    ] as const)
      expect([text, levelOf(text, null)]).toEqual([text, level]);
    expect(levelOf('  File "main.py", line 1', "error")).toBe("error");
    expect(levelOf("  after the platform", "platform")).toBe(null);
  });
});

describe("a reading", () => {
  it("filters and finds, also in what comes later and in lines that go on", () => {
    const log = reading();
    log.append([part("ERROR one\nfine\nWARN")]);
    log.setFilter("warnings");
    log.setQuery("o");
    expect([log.count, log.hits]).toEqual([2, [0]]);
    log.append([part("ING go on\nERROR two\nnothing\n")]);
    const shown = Array.from({ length: log.count }, (_, place) => log.lines.textAt(log.index(place)));
    expect([shown, log.hits]).toEqual([
      ["ERROR one", "WARNING go on", "ERROR two"],
      [0, 1, 2],
    ]);
    log.setFilter("all");
    expect(log.hits).toEqual([0, 2, 3, 4]);
    expect(log.count).toBe(5);
  });

  it("begins anew with what follows", () => {
    const log = reading();
    log.append([part("old\n")]);
    log.clear();
    log.append([part("new\n")]);
    expect(texts(log.lines)).toEqual(["new"]);
  });

  it("marks the words without a change of the text", () => {
    expect(splitMatches("An error is an Error.", "ERROR")).toEqual(["An ", "error", " is an ", "Error", "."]);
    expect(splitMatches("İİ i", "i").join("")).toBe("İİ i");
  });
});

test("an iteration is counted from 1, as in the graph and the timeline", () => {
  const owner = { job: "j", node: "enrich", attempt: 1, place: 0, at: 0 };
  expect(ownerName(owner)).toBe("enrich[1]");
  expect(ownerName({ ...owner, place: null, attempt: 2 })).toBe("enrich ×2");
});
