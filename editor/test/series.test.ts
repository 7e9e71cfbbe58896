import { describe, expect, it } from "vitest";
import type { Operations, OperationsPoint } from "../src/api/operations";
import { largest, lastRecorded, linePath, valuesOf } from "../src/workers/series";

const point = (at: string, more: Partial<OperationsPoint>) => ({ at, ...more }) as OperationsPoint;
const FIGURES: Operations = {
  since: "2026-11-29T08:00:00Z",
  until: "2026-11-29T08:04:00Z",
  width_s: 60,
  points: [
    point("2026-11-29T08:01:00Z", { failed: 2, oldest_s: null }),
    point("2026-11-29T08:03:00Z", { failed: 1, oldest_s: 7 }),
    point("2026-11-29T08:04:00Z", { failed: 9, oldest_s: 9 }),
  ],
};

describe("values of a chart", () => {
  it("have one value for each interval", () => {
    expect(valuesOf(FIGURES, "failed", 0)).toEqual([0, 2, 0, 1]);
    expect(valuesOf(FIGURES, "oldest_s")).toEqual([null, null, null, 7]);
  });

  it("have a largest one, if any is known", () => {
    expect([largest([null, 3, 1, null]), largest([null])]).toEqual([3, null]);
  });

  it("have a current one in the last interval with figures, also if it is not known there", () => {
    const points = [
      point("2026-11-29T08:01:00Z", { running: 1, oldest_s: 90 }),
      point("2026-11-29T08:02:00Z", { running: 0, oldest_s: null }),
    ];
    const figures = { ...FIGURES, points };
    expect(lastRecorded(figures)).toBe(2);
    expect(valuesOf(figures, "oldest_s")[2]).toBeNull();
  });

  it("have no current one if figures were not recorded for some time", () => {
    const late = { ...FIGURES, until: "2026-11-29T08:06:00Z", points: [point("2026-11-29T08:02:00Z", { running: 1 })] };
    expect(lastRecorded(late)).toBeNull();
    expect(lastRecorded({ ...FIGURES, points: [] })).toBeNull();
  });

  it("form lines that are interrupted where nothing is known", () => {
    expect(linePath([null, 0, 10, null, 5], 10)).toBe("M1.5 100L2.5 0M4 50h1");
  });
});
