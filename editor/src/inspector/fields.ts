import { t } from "../texts/inspector";
import type { Path } from "../workflow/types";

/** A field of a form: its label, its path below the node, its control. */
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
  choices?: readonly Choice[];
  /** The value that applies to an empty field, as text. */
  fallback?: string;
  /** Text of an empty choice that has no default. */
  prompt?: string;
  /** True if a checkbox is checked by default. */
  checked?: true;
}

interface Choice {
  value: string;
  name: string;
}

const f = (path: string, label: string, how: FieldSpec["control"], more: Partial<FieldSpec> = {}): FieldSpec => ({
  path: path.split("."),
  label,
  control: how,
  ...more,
});

const unnamed = (...values: string[]): Choice[] => values.map((value) => ({ value, name: value }));

const PARALLEL = f("value.parallel", t("inspector.parallel"), "bool");
const TIMEOUT = { fallback: t("inspector.noTimeout") };
const REQUIRED_APPROVALS = t("inspector.requiredApprovals");
const SKIP_FAILURES = f("value.skip_failures", t("inspector.skipFailures"), "bool");

/** The action of a node, by kind. */
const MAIN_FIELDS: Record<string, FieldSpec[]> = {
  rawscript: [f("value.content", t("inspector.code"), "code")],
  script: [f("value.path", t("inspector.scriptPath"), "script")],
  flow: [f("value.path", t("inspector.workflowPath"), "workflow")],
  forloopflow: [
    f("value.iterator", t("inspector.iterator"), "transform"),
    PARALLEL,
    f("value.parallelism", t("inspector.parallelism"), "transform"),
    SKIP_FAILURES,
    f("value.squash", t("inspector.squash"), "bool", { help: t("inspector.squashHelp") }),
  ],
  whileloopflow: [
    f("stop_after_if.expr", t("inspector.stopLoop"), "expr", {
      help: t("inspector.stopLoopHelp"),
    }),
    SKIP_FAILURES,
  ],
  branchall: [PARALLEL],
  condition: [
    f("value.expr", t("inspector.condition"), "expr", {
      help: t("inspector.conditionHelp"),
    }),
  ],
  approval: [
    f("value.message", t("inspector.message"), "text", {
      help: t("inspector.messageHelp", { example: "{{ context.name }}" }),
    }),
    f("value.approvers", t("inspector.approvers"), "people", { help: t("inspector.approversHelp") }),
    f("value.required_approvals", REQUIRED_APPROVALS, "number", { fallback: "1" }),
    f("value.self_approval", t("inspector.selfApproval"), "bool", { checked: true }),
    f("value.timeout", t("inspector.timeout"), "number", TIMEOUT),
    f("value.on_timeout", t("inspector.onTimeout"), "choice", {
      choices: [
        { value: "reject", name: t("inspector.reject") },
        { value: "continue", name: t("inspector.continue") },
      ],
      fallback: t("inspector.reject"),
    }),
  ],
  webhook: [
    f("value.method", t("inspector.method"), "choice", {
      choices: unnamed("GET", "POST", "PUT", "PATCH", "DELETE"),
      prompt: t("inspector.selectMethod"),
    }),
    f("value.url", t("inspector.url"), "transform"),
    f("value.headers", t("inspector.headers"), "transform"),
    f("value.query", t("inspector.query"), "transform"),
    f("value.body", t("inspector.body"), "transform"),
    f("value.auth", t("inspector.credentials"), "resource"),
    f("value.response", t("inspector.responseFormat"), "choice", {
      choices: unnamed("json", "text", "bytes"),
      fallback: t("inspector.byContentType"),
    }),
  ],
  delay: [
    f("value.seconds", t("inspector.seconds"), "transform"),
    f("value.until", t("inspector.until"), "transform", { help: t("inspector.untilHelp") }),
  ],
};

/** The edges after which a node with several starts. */
export const JOIN_FIELD: FieldSpec = f("join", t("inspector.join"), "choice", {
  choices: [
    { value: "all", name: t("inspector.joinAll") },
    { value: "settled", name: t("inspector.joinSettled") },
    { value: "any", name: t("inspector.joinAny") },
  ],
  fallback: t("inspector.joinAll"),
});

/** Fields of every node. */
const COMMON_FIELDS: FieldSpec[] = [
  f("skip_if.expr", t("inspector.skipIf"), "expr"),
  f("continue_on_error", t("inspector.continueOnError"), "bool"),
  f("retry.constant.attempts", t("inspector.retries"), "number", { fallback: t("inspector.none") }),
  f("retry.constant.seconds", t("inspector.retryInterval"), "number", { fallback: "0" }),
  f("timeout", t("inspector.executionTimeout"), "transform"),
  f("cache_ttl", t("inspector.cache"), "number", { fallback: t("inspector.off") }),
  f("sleep", t("inspector.delayAfter"), "transform"),
  f("stop_after_if.expr", t("inspector.stopWorkflow"), "expr"),
  f("priority", t("inspector.priority"), "number"),
];

const EFFECTS = f("effects", t("inspector.effects"), "choice", {
  choices: [
    { value: "none", name: t("inspector.effectsNone") },
    { value: "reads", name: t("inspector.effectsReads") },
    { value: "writes", name: t("inspector.effectsWrites") },
    { value: "sends", name: t("inspector.effectsSends") },
  ],
  help: t("inspector.effectsHelp"),
  fallback: t("inspector.effectsSends"),
});

/** Fields of nodes that dry runs may not execute. */
const DRY_RUN_FIELDS: FieldSpec[] = [
  EFFECTS,
  f("result_schema", t("inspector.resultSchema"), "json", { help: t("inspector.resultSchemaHelp") }),
];
const WITH_EFFECTS = new Set(["rawscript", "script", "webhook"]);

/** The approval between a node and the next one. */
export const SUSPEND_FIELDS: FieldSpec[] = [
  f("suspend.required_events", REQUIRED_APPROVALS, "number", { fallback: "1" }),
  f("suspend.user_auth_required", t("inspector.requireLogin"), "bool"),
  f("suspend.user_groups_required", t("inspector.approverGroups"), "groups", {
    help: t("inspector.approverGroupsHelp"),
  }),
  f("suspend.self_approval_disabled", t("inspector.noSelfApproval"), "bool"),
  f("suspend.timeout", t("inspector.timeout"), "number", TIMEOUT),
  f("suspend.continue_on_disapprove_timeout", t("inspector.continueIfRejected"), "bool"),
  f("suspend.hide_cancel", t("inspector.hideReject"), "bool"),
];

/** Return the fields of a kind of node: those of its action, and the common ones. */
export function fieldsOf(kind: string): { main: FieldSpec[]; common: FieldSpec[] } {
  const main = MAIN_FIELDS[kind] ?? [];
  const taken = new Set(main.map((field) => field.path.join(".")));
  const common = WITH_EFFECTS.has(kind) ? [...COMMON_FIELDS, ...DRY_RUN_FIELDS] : COMMON_FIELDS;
  return { main, common: common.filter((field) => !taken.has(field.path.join("."))) };
}

/** Kinds whose inputs are named by `input_transforms`. */
export const WITH_INPUTS = new Set(["rawscript", "script", "flow", "approval"]);
