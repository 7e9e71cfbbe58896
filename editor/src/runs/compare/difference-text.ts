import type { ComparedRuns, NodeComparison } from "../../api/comparison";
import { statusStyle } from "../../lib/status";
import { t } from "../../texts/runs";

/** Return the differences of a node between both runs; "" if there are none. */
export function nodeDifferenceText(node: NodeComparison): string {
  const words = node.parts.map((part) => {
    switch (part) {
      case "missing":
        return t(node.before ? "runs.onlyInFirst" : "runs.onlyInSecond");
      case "definition":
        return t("runs.definitionDiffers");
      case "status":
        return statusDifference(node);
      default:
        return t("runs.outputDiffers");
    }
  });
  return words.join(". ");
}

function statusDifference({ before, after }: NodeComparison): string {
  const [one, other] = [before?.status ?? "", after?.status ?? ""];
  if (one !== other)
    return t("runs.statusDiffers", { first: statusStyle(one).label, second: statusStyle(other).label });
  if (before?.error !== after?.error) return t("runs.errorDiffers");
  return t("runs.iterationsDiffer");
}

/** Return the first difference of the runs. */
export function firstDifferenceText(found: ComparedRuns): string {
  const node = found.nodes.find((each) => each.id === found.parts_at);
  if (node) return nodeDifferenceText(node);
  if (found.input === "differs") return t("runs.onlyInputsDiffer");
  if (found.result === "differs") return t("runs.onlyResultsDiffer");
  if (found.before.status !== found.after.status) return t("runs.onlyStatusDiffers");
  return t("runs.nothingDiffers");
}
