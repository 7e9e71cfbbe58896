import { useEditor } from "../../editor/context";
import { shownStatusOf } from "../../editor/outdated";
import { nodeStateOf } from "../../editor/run-watch";
import type { Editor } from "../../editor/store";
import { statusStyle } from "../../lib/status";
import { t } from "../../texts/canvas";
import { isDisabled } from "../../workflow/commands";
import { kindOf } from "../../workflow/kinds";
import type { Node } from "../../workflow/outline";
import { isPinned } from "../../workflow/pins";
import { worstSeverity } from "./severity";

/** Return the id of the element that names a node of the canvas. */
export const nodeNameId = (id: string): string => `node-name-${id}`;

/** The accessible name of a node: its kind, its name and its state. */
export function NodeName({ node }: { node: Node }) {
  const state = useEditor((editor) => describeState(editor, node.id));
  const kind = kindOf(node.kind, node.language).name;
  const name = [t("canvas.nodeName", { kind, name: node.summary || node.id }), state].filter(Boolean).join(", ");
  // A label instead of text, which would become part of the text of the node.
  return <span id={nodeNameId(node.id)} role="img" aria-label={name} hidden />;
}

function describeState(editor: Editor, id: string): string {
  const status = shownStatusOf(editor, id);
  const ran = status !== undefined && status !== "pending";
  const severity = worstSeverity(editor, id);
  return [
    ran && statusStyle(status).label,
    isDisabled(editor, id) && t("canvas.disabled"),
    isPinned(editor, id) && t("canvas.pinnedOutput"),
    nodeStateOf(editor, id)?.kept === true && t("canvas.reused"),
    severity === "error" && t("canvas.error"),
    severity === "warning" && t("canvas.warning"),
  ]
    .filter((part) => part !== false)
    .map((part) => part.charAt(0).toLocaleLowerCase() + part.slice(1))
    .join(", ");
}
