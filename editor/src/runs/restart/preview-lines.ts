import type { RestartPreview } from "../../api/restart";
import { graphOrder } from "../../workflow/graph-order";
import type { Outline } from "../../workflow/outline";

/** A node of a restart: it runs again, keeps its result, or is skipped. */
export interface PreviewLine {
  id: string;
  part: "again" | "kept" | "skipped";
}

/** Return the nodes of a restart by their place in the graph. */
export function previewLines(preview: RestartPreview, graph: Outline): PreviewLine[] {
  const order = graphOrder(graph);
  const place = ({ id }: PreviewLine) => order.get(id) ?? order.size;
  const lines = (["again", "kept", "skipped"] as const).flatMap((part) => preview[part].map((id) => ({ id, part })));
  return lines.sort((one, other) => place(one) - place(other));
}
