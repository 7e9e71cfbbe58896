import type { Path } from "../workflow/types";

/** A field of a form: what it is called, where it is below the node, how it is filled in. */
export interface FieldSpec {
  path: Path;
  label: string;
  control:
    | "text"
    | "number"
    | "bool"
    | "expr"
    | "transform"
    | "choice"
    | "json"
    | "code"
    | "people"
    | "groups"
    | "resource"
    | "script"
    | "workflow";
  help?: string;
  choices?: readonly string[];
  /** What counts where nothing is said. */
  fallback?: string;
}

const f = (path: string, label: string, how: FieldSpec["control"], more: Partial<FieldSpec> = {}): FieldSpec => ({
  path: path.split("."),
  label,
  control: how,
  ...more,
});

const PARALLEL = [
  f("value.parallel", "All at once", "bool"),
  f("value.parallelism", "At most so many at once", "transform"),
];

/** What a node of a kind does. */
const MAIN_FIELDS: Record<string, FieldSpec[]> = {
  rawscript: [f("value.content", "Code", "code")],
  script: [f("value.path", "Path of the script", "script")],
  flow: [f("value.path", "Path of the workflow", "workflow")],
  forloopflow: [
    f("value.iterator", "For each item of", "transform"),
    ...PARALLEL,
    f("value.skip_failures", "Go on after a failure", "bool"),
    f("value.squash", "All in one process", "bool", { help: "One after the other, on one worker." }),
  ],
  whileloopflow: [
    f("stop_after_if.expr", "Stop after an iteration if", "expr", { help: "`result` is that of the iteration." }),
    f("value.skip_failures", "Go on after a failure", "bool"),
  ],
  branchall: [f("value.parallel", "All at once", "bool")],
  condition: [f("value.expr", "Condition", "expr", { help: "Edges on true and on false leave this node." })],
  approval: [
    f("value.message", "Message", "text", { help: "May hold {{ context.name }}." }),
    f("value.approvers", "Approvers", "people", { help: "None: whoever may run the workflow." }),
    f("value.required_approvals", "How many must agree", "number", { fallback: "1" }),
    f("value.self_approval", "Whoever started the run may decide", "bool", { fallback: "yes" }),
    f("value.timeout", "Waits at most (s)", "number", { fallback: "for ever" }),
    f("value.on_timeout", "After that", "choice", { choices: ["reject", "continue"], fallback: "reject" }),
  ],
  webhook: [
    f("value.method", "Method", "choice", { choices: ["GET", "POST", "PUT", "PATCH", "DELETE"] }),
    f("value.url", "Address", "transform"),
    f("value.headers", "Headers", "transform"),
    f("value.query", "Query", "transform"),
    f("value.body", "Body", "transform"),
    f("value.auth", "Credentials", "resource"),
    f("value.response", "Read the answer as", "choice", { choices: ["json", "text", "bytes"] }),
  ],
  delay: [
    f("value.seconds", "Seconds", "transform"),
    f("value.until", "Until", "transform", { help: "A time such as 2027-01-31T08:00:00Z." }),
  ],
};

/** What every node may have. */
const COMMON_FIELDS: FieldSpec[] = [
  f("join", "Runs when", "choice", { choices: ["all", "settled", "any"], fallback: "all its edges are taken" }),
  f("skip_if.expr", "Skip if", "expr"),
  f("continue_on_error", "Go on after a failure", "bool"),
  f("retry.constant.attempts", "Retries", "number", { fallback: "none" }),
  f("retry.constant.seconds", "Seconds between them", "number"),
  f("timeout", "Time limit (s)", "transform"),
  f("cache_ttl", "Use a result again for (s)", "number", { fallback: "never" }),
  f("sleep", "Wait afterwards (s)", "transform"),
  f("stop_after_if.expr", "End the workflow afterwards if", "expr"),
  f("priority", "Priority", "number"),
];

/** What a node asks of people before the next one starts. */
export const SUSPEND_FIELDS: FieldSpec[] = [
  f("suspend.required_events", "How many must agree", "number", { fallback: "1" }),
  f("suspend.user_auth_required", "Only who is logged in may decide", "bool"),
  f("suspend.user_groups_required", "Groups that may decide", "groups", {
    help: "None: whoever has the link, or may run the workflow.",
  }),
  f("suspend.self_approval_disabled", "Whoever started the run may not decide", "bool"),
  f("suspend.timeout", "Waits at most (s)", "number", { fallback: "for ever" }),
  f("suspend.continue_on_disapprove_timeout", "Go on after a no, or when nobody answers in time", "bool"),
  f("suspend.hide_cancel", "The page does not offer a no", "bool"),
];

/** The fields of a node: what it does, and what else may be set. */
export function fieldsOf(kind: string): { main: FieldSpec[]; common: FieldSpec[] } {
  const main = MAIN_FIELDS[kind] ?? [];
  const taken = new Set(main.map((field) => field.path.join(".")));
  return { main, common: COMMON_FIELDS.filter((field) => !taken.has(field.path.join("."))) };
}

/** Kinds whose inputs are named by `input_transforms`. */
export const WITH_INPUTS = new Set(["rawscript", "script", "flow", "approval"]);
