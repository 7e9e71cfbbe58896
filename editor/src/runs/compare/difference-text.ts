import type { ComparedRuns, NodeOfBoth } from "../../api/comparison";
import { statusStyle } from "../../lib/status";

/** In what a node's two runs differ, as a sentence without its subject; "" where in nothing. */
export function nodeDifferenceText(node: NodeOfBoth): string {
  const words = node.parts.map((part) => {
    switch (part) {
      case "missing":
        return node.before ? "only the first run has it" : "only the second run has it";
      case "definition":
        return "it was changed between the versions";
      case "status":
        return statusDifference(node);
      default:
        return "its output differs";
    }
  });
  return words.join("; ");
}

function statusDifference({ before, after }: NodeOfBoth): string {
  const [one, other] = [before?.status ?? "", after?.status ?? ""];
  if (one !== other) return `${statusStyle(one).label} in the first, ${statusStyle(other).label} in the second`;
  if (before?.error !== after?.error) return "its error differs";
  return "it ran another number of times";
}

/** The first place where the runs part. */
export function firstDifferenceText(found: ComparedRuns): string {
  const node = found.nodes.find((each) => each.id === found.parts_at);
  if (node) return nodeDifferenceText(node);
  if (found.input === "differs") return "Only their inputs differ";
  if (found.result === "differs") return "Only their results differ";
  if (found.before.status !== found.after.status) return "Only how they ended differs";
  return "Nothing differs but the time they took";
}
