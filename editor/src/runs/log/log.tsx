import { useShallow } from "zustand/react/shallow";
import { BASE } from "../../api/client";
import { useEditor } from "../../editing/context";
import { standsOf } from "../../editing/live";
import type { Editor } from "../../editing/store";
import controls from "../../ui/controls.module.css";
import type { Node } from "../../workflow/outline";
import { useRun } from "../context";
import { useReading, type Whose } from "./use-reading";
import { LogView } from "./view";

/** What the selected node, or the whole run, prints. */
export function RunLog() {
  const { workspace, id, about, selection } = useRun();
  const node = useEditor(({ graph }) => (selection.node ? graph.byId.get(selection.node) : undefined));
  const job = useEditor((editor) => (node ? jobOf(editor, node) : null));
  const whose = whoseLog(node, job, selection.attempt);
  const [reading, readOn] = useReading(workspace, id, whose);
  const alone = whose.job !== undefined || whose.node !== undefined || !about.is_workflow;
  return (
    <LogView
      key={JSON.stringify(whose)}
      {...{ reading, readOn }}
      named={!alone}
      download={fileOf(workspace, id, whose)}
    >
      {about.is_workflow && <Choose />}
      {node && job && node.lanes.length === 0 && <ChooseAttempt node={node} />}
    </LogView>
  );
}

/** The job whose log that of a node is, where there is one: of a loop that of the iteration that is shown. */
function jobOf(editor: Editor, node: Node): string | null {
  if (node.lanes.length > 0) return null;
  return standsOf(editor, node.id)?.job ?? null;
}

function whoseLog(node: Node | undefined, job: string | null, attempt: number | null): Whose {
  if (!node) return {};
  if (node.lanes.length > 0) return { names: namesInside(node) };
  const only = attempt === null ? {} : { attempt };
  return job ? { job, ...only } : { node: node.id, ...only };
}

function namesInside(node: Node): string[] {
  return node.lanes.flatMap((lane) => lane.nodes.flatMap((each) => [each.id, ...namesInside(each)]));
}

function fileOf(workspace: string, run: string, { job, attempt }: Whose): string {
  const path = `${BASE}/api/w/${workspace}/jobs_u`;
  if (!job) return `${path}/get_flow_all_logs/${run}?download=true`;
  return `${path}/get_logs/${job}?download=true${attempt === undefined ? "" : `&attempt=${attempt}`}`;
}

/** Which node's log is shown. */
function Choose() {
  const { selection, select } = useRun();
  const names = useEditor(useShallow(({ graph }) => [...graph.byId.keys()]));
  return (
    <select
      className={controls.input}
      aria-label="Whose log"
      value={selection.node ?? ""}
      onChange={(event) => select({ node: event.target.value || null })}
    >
      <option value="">The whole run</option>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** Which attempt's log is shown, where there is more than one. */
function ChooseAttempt({ node }: { node: Node }) {
  const { selection, select } = useRun();
  const last = useEditor((editor) => standsOf(editor, node.id)?.attempt ?? 1);
  const most = Math.max(last, selection.attempt ?? 1);
  if (most < 2) return null;
  return (
    <select
      className={controls.input}
      aria-label="Which attempt"
      value={selection.attempt ?? ""}
      onChange={(event) => select({ attempt: Number(event.target.value) || null })}
    >
      <option value="">Every attempt</option>
      {Array.from({ length: most }, (_, each) => each + 1).map((attempt) => (
        <option key={attempt} value={attempt}>
          Attempt {attempt}
        </option>
      ))}
    </select>
  );
}
