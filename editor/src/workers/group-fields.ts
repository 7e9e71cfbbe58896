import type { WorkerGroup } from "../api/worker-groups";

/** Settings of a group as texts of a form. */
export interface GroupFields {
  queues: string;
  priorities: string;
  slots: string;
  variables: string;
  isolation: string;
  network: string;
}

type Isolation = WorkerGroup["isolation"];
type Network = WorkerGroup["network"];

/** Return the texts of the form. */
export function fieldsOf(group: WorkerGroup): GroupFields {
  return {
    queues: (group.worker_tags ?? []).join(", "),
    priorities: linesOf(group.priority_tags ?? {}),
    slots: group.slots?.toString() ?? "",
    variables: linesOf(group.env_vars_static ?? {}),
    isolation: group.isolation ?? "",
    network: group.network ?? "",
  };
}

/** Return the settings that the texts describe. Empty texts leave the settings of each worker. */
export function groupOf(fields: GroupFields): WorkerGroup {
  const queues = fields.queues.split(/[\s,]+/).filter(Boolean);
  const priorities = pairsOf(fields.priorities).map(([name, value]) => [name, Number(value)] as const);
  return {
    worker_tags: queues.length > 0 ? queues : null,
    priority_tags: Object.fromEntries(priorities),
    slots: fields.slots.trim() ? Number(fields.slots) : null,
    env_vars_static: Object.fromEntries(pairsOf(fields.variables)),
    isolation: (fields.isolation || null) as Isolation,
    network: (fields.network || null) as Network,
  };
}

function linesOf(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
}

function pairsOf(text: string): [string, string][] {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
}
