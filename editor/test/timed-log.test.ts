import { expect, test } from "vitest";
import { EMPTY_LOG, MAX_LOG_LENGTH, timedLines, withPart } from "../src/editor/timed-log";

const part = (text: string, second: number) => ({ text, at: `2026-01-01T00:00:0${second}Z` });
const seconds = (at: number) => at / 1000 - Date.parse("2026-01-01T00:00:00Z") / 1000;

test("a line has the time of the part with its first character", () => {
  const log = [part("one\ntw", 1), part("o\nthree\n", 2), part("four", 3)].reduce(withPart, EMPTY_LOG);
  expect(timedLines(log).map(({ text, at }) => [text, seconds(at)])).toEqual([
    ["one", 1],
    ["two", 1],
    ["three", 2],
    ["four", 3],
  ]);
});

test("times remain with their lines after the start of a long log is cut", () => {
  const long = "x".repeat(MAX_LOG_LENGTH - 10);
  const log = [part("lost\n", 1), part(`${long}\n`, 2), part("end of the log", 3)].reduce(withPart, EMPTY_LOG);
  expect(log.text.length).toBe(MAX_LOG_LENGTH);
  expect(timedLines(log).map(({ at }) => seconds(at))).toEqual([2, 3]);
  expect(timedLines(log).at(-1)?.text).toBe("end of the log");
});
