import { useShallow } from "zustand/react/shallow";
import { BASE } from "../../api/client";
import { useEditor } from "../../editor/context";
import { nodeStateOf } from "../../editor/run-watch";
import type { Editor, LiveRun } from "../../editor/store";
import { t } from "../../texts/runs";
import { Button } from "../../ui/controls";
import { Select } from "../../ui/select";
import type { Node } from "../../workflow/outline";
import { useRun } from "../context";
import type { Owner } from "./lines";
import css from "./log.module.css";
import { type LogSource, useLog } from "./use-log";
import { LogView } from "./view";

/** Log of the selected node or of the whole run. */
export function RunLog() {
  const { workspace, id, about, selection } = useRun();
  const node = useEditor(({ graph }) => (selection.node ? graph.byId.get(selection.node) : undefined));
  const job = useEditor((editor) => (node ? jobOf(editor, node) : null));
  const source = logSourceOf(node, job, selection.attempt);
  const [reading, readOn] = useLog(workspace, id, source);
  const live = useEditor((editor) => editor.live);
  const isSingleSource = source.job !== undefined || source.node !== undefined || !about.is_workflow;
  return (
    <LogView
      key={JSON.stringify(source)}
      {...{ reading, readOn }}
      named={!isSingleSource}
      startOf={(owner) => startOf(live, owner)}
      download={downloadUrl(workspace, id, source)}
    >
      {about.is_workflow && <NodeSelect />}
      {node && <WholeRun node={node.id} />}
      {node && job && node.lanes.length === 0 && <AttemptSelect node={node} />}
    </LogView>
  );
}

/** Return when the node, or the run of a script, started; for a node in a loop or branch, when its first line was written. */
function startOf(live: LiveRun | null, { node, at }: Owner): number {
  const state = node === null ? live?.graph : live?.nodes[node];
  const isOne = state && !("inside" in state);
  return isOne && state.started_at ? Math.min(Date.parse(state.started_at), at) : at;
}

/** Return the job whose log is that of a node; null if there is none. In a loop, it is the job of the shown iteration. */
function jobOf(editor: Editor, node: Node): string | null {
  if (node.lanes.length > 0) return null;
  return nodeStateOf(editor, node.id)?.job ?? null;
}

function logSourceOf(node: Node | undefined, job: string | null, attempt: number | null): LogSource {
  if (!node) return {};
  if (node.lanes.length > 0) return { names: nodesInside(node) };
  const only = attempt === null ? {} : { attempt };
  return job ? { job, ...only } : { node: node.id, ...only };
}

function nodesInside(node: Node): string[] {
  return node.lanes.flatMap((lane) => lane.nodes.flatMap((each) => [each.id, ...nodesInside(each)]));
}

function downloadUrl(workspace: string, run: string, { job, attempt }: LogSource): string {
  const path = `${BASE}/api/w/${workspace}/jobs_u`;
  if (!job) return `${path}/get_flow_all_logs/${run}?download=true`;
  return `${path}/get_logs/${job}?download=true${attempt === undefined ? "" : `&attempt=${attempt}`}`;
}

/** Choice of the node whose log is shown. */
function NodeSelect() {
  const { selection, select } = useRun();
  const names = useEditor(useShallow(({ graph }) => [...graph.byId.keys()]));
  return (
    <Select aria-label={t("runs.logNode")} value={selection.node ?? ""} set={(next) => select({ node: next || null })}>
      <option value="">{t("runs.allNodes")}</option>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </Select>
  );
}

/** The node that was selected, possibly on another tab, and a button that shows the log of the whole run. */
function WholeRun({ node }: { node: string }) {
  const { select } = useRun();
  return (
    <>
      <span className={css.filtered}>{t("runs.logOfNode", { node })}</span>
      <Button onClick={() => select({ node: null })}>{t("runs.logOfRun")}</Button>
    </>
  );
}

/** Choice of the attempt whose log is shown, if there are several. */
function AttemptSelect({ node }: { node: Node }) {
  const { selection, select } = useRun();
  const last = useEditor((editor) => nodeStateOf(editor, node.id)?.attempt ?? 1);
  const most = Math.max(last, selection.attempt ?? 1);
  if (most < 2) return null;
  return (
    <Select
      aria-label={t("runs.logAttempt")}
      value={selection.attempt ?? ""}
      set={(next) => select({ attempt: Number(next) || null })}
    >
      <option value="">{t("runs.allAttempts")}</option>
      {Array.from({ length: most }, (_, each) => each + 1).map((attempt) => (
        <option key={attempt} value={attempt}>
          {t("runs.attemptNumber", { attempt })}
        </option>
      ))}
    </Select>
  );
}
