import { t } from "../texts/workflow";
import type { Edit } from "./edit";
import { CommandError, downstreamOf, laneOf } from "./lanes";
import type { Change, Model } from "./model";
import type { Outline } from "./outline";
import { at, isTree, type Json, type Tree, text } from "./types";

/** A frame around nodes of one list, from `groups` of the document. `key` is its name in a selection. */
export interface Group {
  key: string;
  index: number;
  summary: string;
  note: string;
  color: string;
  /** True if the group is drawn as one node. */
  folded: boolean;
  ids: string[];
}

const PATH = ["value", "groups"];
const FOLDED = "collapsed";
const KEY = "group:";
export const groupKey = (index: number): string => KEY + index;
export const isGroup = (key: string): boolean => key.startsWith(KEY);

/** Return the groups with existing nodes. `nodes` names the members, otherwise they are the nodes between two others. */
export function groupsOf(tree: Json, graph: Outline): Group[] {
  const items = at(tree, PATH);
  if (!Array.isArray(items)) return [];
  return items.flatMap((item, index): Group[] => {
    const ids = isTree(item) ? membersOf(item, graph) : [];
    if (!isTree(item) || ids.length === 0) return [];
    const { summary, note, color } = item;
    const words = { summary: text(summary), note: text(note), color: text(color) || "grey" };
    return [{ key: groupKey(index), index, ...words, folded: item[FOLDED] === true, ids }];
  });
}

function membersOf(group: Tree, graph: Outline): string[] {
  if (Array.isArray(group.nodes)) {
    const ids = group.nodes.filter((id): id is string => typeof id === "string" && graph.byId.has(id));
    const list = graph.byId.get(ids[0] ?? "")?.list.join(".");
    return ids.filter((id) => graph.byId.get(id)?.list.join(".") === list);
  }
  return between(graph, text(group.start_id), text(group.end_id));
}

/** Return the nodes on the paths from one node to another of its list, both included. */
function between(graph: Outline, start: string, end: string): string[] {
  const [first, last] = [graph.byId.get(start), graph.byId.get(end)];
  if (!first || !last || first.list.length < 2 || first.list.join(".") !== last.list.join(".")) return [];
  const lane = laneOf(graph, first);
  const after = downstreamOf(lane, start);
  return lane.nodes.map((node) => node.id).filter((id) => after.has(id) && downstreamOf(lane, id).has(end));
}

/** Put a frame around nodes of one list. */
export function groupNodes(model: Model, ids: readonly string[]): Change {
  const nodes = ids.map((id) => model.graph.byId.get(id)).filter((node) => node !== undefined);
  const [first] = nodes;
  if (!first) throw new CommandError(t("workflow.selectGroupNodes"));
  if (first.list.length < 2 || nodes.some((node) => node.list.join(".") !== first.list.join("."))) {
    throw new CommandError(t("workflow.groupOtherList"));
  }
  const before = at(model.tree, PATH);
  const list = Array.isArray(before) ? before : [];
  const group = {
    summary: t("workflow.group"),
    color: "blue",
    ...memberFields(
      model.graph,
      nodes.map((node) => node.id),
    ),
  };
  const edits: Edit[] =
    list.length > 0
      ? [{ op: "insert", path: PATH, index: list.length, value: group }]
      : [{ op: "set", path: PATH, value: [group] }];
  return {
    name: t("workflow.groupNodes", { count: nodes.length, node: first.id }),
    edits,
    select: [groupKey(list.length)],
  };
}

/** Return members as the document stores them: the first and the last, and a list if other nodes lie between them. */
function memberFields(graph: Outline, ids: readonly string[]): Tree {
  const chosen = new Set(ids);
  const first = graph.byId.get(ids[0] ?? "");
  const lane = first ? laneOf(graph, first) : graph.main;
  const inOrder = lane.nodes.map((node) => node.id).filter((id) => chosen.has(id));
  const [start, end] = [inOrder[0] ?? "", inOrder.at(-1) ?? ""];
  const lie = between(graph, start, end);
  const exact = lie.length === inOrder.length && lie.every((id) => chosen.has(id));
  return { start_id: start, end_id: end, ...(exact ? {} : { nodes: inOrder }) };
}

export function setGroup(group: Group, change: { summary?: string; note?: string; color?: string }): Change {
  const [key, value] = Object.entries(change)[0] ?? ["summary", ""];
  return {
    name: t("workflow.editGroup"),
    edits: [{ op: "set", path: [...PATH, group.index, key], value: value ?? "" }],
  };
}

/** Fold a group into one node, or unfold it. */
export function foldGroup(group: Group, fold: boolean): Change {
  const path = [...PATH, group.index, FOLDED];
  const values = { group: group.summary || t("workflow.group") };
  const name = fold ? t("workflow.foldGroup", values) : t("workflow.unfoldGroup", values);
  return { name, edits: [fold ? { op: "set", path, value: true } : { op: "remove", path }], select: [group.key] };
}

/** Delete frames and keep the nodes in them. */
export function ungroup(model: Model, indexes: readonly number[]): Edit[] {
  const items = at(model.tree, PATH);
  if (!Array.isArray(items)) return [];
  if (indexes.length >= items.length) return [{ op: "remove", path: PATH }];
  return [...indexes].sort((a, b) => b - a).map((index): Edit => ({ op: "remove", path: [...PATH, index] }));
}

/** Return the edits of groups after nodes were renamed or deleted (null). */
export function groupsAfter(model: Model, change: (id: string) => string | null): Edit[] {
  const items = at(model.tree, PATH);
  if (!Array.isArray(items)) return [];
  let touched = false;
  const after = items.flatMap((item): Json[] => {
    const ids = isTree(item) ? membersOf(item, model.graph) : [];
    if (!isTree(item) || ids.every((id) => change(id) === id)) return [item];
    touched = true;
    const left = ids.map(change).filter((id) => id !== null);
    if (left.length === 0) return [];
    const gone = left.length < ids.length;
    const named = Array.isArray(item.nodes) || gone ? { nodes: left } : {};
    const end = gone ? (left.at(-1) ?? "") : (change(text(item.end_id)) ?? "");
    const start = gone ? (left[0] ?? "") : (change(text(item.start_id)) ?? "");
    return [{ ...item, start_id: start, end_id: end, ...named } as Json];
  });
  if (!touched) return [];
  return [after.length === 0 ? { op: "remove", path: PATH } : { op: "set", path: PATH, value: after }];
}
