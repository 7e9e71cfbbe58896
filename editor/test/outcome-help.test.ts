import { describe, expect, it } from "vitest";
import { OUTCOME_NAMES, outcomeHelp } from "../src/workflow/outcome-names";
import { outcomesOf } from "../src/workflow/outline";

const KINDS = ["rawscript", "condition", "approval", "forloopflow"];

describe("outcomeHelp", () => {
  it.each(KINDS)("explains each outcome of %s by its own text, with the id of the node", (kind) => {
    const texts = outcomesOf(kind).map((outcome) => outcomeHelp({ id: "ask", kind }, outcome));
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) {
      expect(text).toContain("ask");
      expect(Object.values(OUTCOME_NAMES)).not.toContain(text);
    }
  });

  it("tells the success of an approval, which includes a timeout, from its approval", () => {
    const ask = { id: "ask", kind: "approval" };
    expect(outcomeHelp(ask, "success")).toBe("ask was approved, or continues without an approval.");
    expect(outcomeHelp(ask, "approved")).toBe("ask has the required approvals. A timeout is not an approval.");
    expect(outcomeHelp({ id: "ask", kind: "rawscript" }, "success")).toBe(
      "ask ended without an error, or continues after one.",
    );
  });
});
