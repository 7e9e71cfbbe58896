import { t } from "../texts/workflow";
import { kindOf, languageName } from "./kinds";
import type { Tree } from "./types";

/** A kind of node that can be added to a workflow. */
export interface CatalogEntry {
  key: string;
  name: string;
  description: string;
  icon: string;
  /** The id of a new node, which gets a number if it is in use. */
  base: string;
  /** The heading over the entries of one kind. */
  group: string;
  /** Ready-made code, whose inputs are the form of the node. */
  code?: string;
  /** Return a new node. `inner` returns free ids for the nodes inside. */
  make: (id: string, inner: (base: string) => string) => Tree;
}

const GROUP = {
  code: t("workflow.groupCode"),
  flow: t("workflow.groupFlow"),
  waiting: t("workflow.groupWaiting"),
  calls: t("workflow.groupCalls"),
};

const script = (language: string, content: string, description: string): CatalogEntry => ({
  key: language,
  name: languageName(language),
  description,
  icon: language,
  base: "script",
  group: GROUP.code,
  make: (id) => ({ id, value: { type: "rawscript", language, content, input_transforms: {} } }),
});

/** Expressions of new nodes, to be replaced. */
export const EXAMPLES = { condition: "true", items: "[1, 2, 3]", stop: "flow_input.iter.index >= 2" };

/** Code that returns its inputs. */
export const SET_FIELDS = "def main(**fields):\n    return fields\n";

const identity = (id: string): Tree => ({ id, value: { type: "identity" } });

/** Further words by which a kind is found: those of other products, or for what it is used. */
const WORDS: Readonly<Record<string, string>> = {
  python3: t("workflow.wordsCode"),
  bun: t("workflow.wordsTypescript"),
  bash: t("workflow.wordsShell"),
  postgresql: t("workflow.wordsSql"),
  mysql: t("workflow.wordsSql"),
  mssql: t("workflow.wordsSql"),
  flow: t("workflow.wordsWorkflow"),
  condition: t("workflow.wordsCondition"),
  branchone: t("workflow.wordsSwitch"),
  branchall: t("workflow.wordsParallel"),
  forloopflow: t("workflow.wordsForEach"),
  whileloopflow: t("workflow.wordsWhile"),
  fields: t("workflow.wordsFields"),
  identity: t("workflow.wordsIdentity"),
  approval: t("workflow.wordsApproval"),
  delay: t("workflow.wordsDelay"),
  webhook: t("workflow.wordsHttp"),
  "integration-mail": t("workflow.wordsMail"),
  "integration-slack": t("workflow.wordsMessage"),
  "integration-teams": t("workflow.wordsMessage"),
  "integration-file": t("workflow.wordsFile"),
};

/** Return the texts beside its name by which a kind of node is found. */
export const searchedTexts = ({ key, description }: CatalogEntry): string[] => [description, key, WORDS[key] ?? ""];

export const CATALOG: readonly CatalogEntry[] = [
  script("python3", "def main():\n    return {}\n", t("workflow.aboutPython")),
  script("bun", "export async function main() {\n  return {}\n}\n", t("workflow.aboutTypescript")),
  script("bash", "echo '{}'\n", t("workflow.aboutBash")),
  script("postgresql", "SELECT 1 AS one\n", t("workflow.aboutPostgresql")),
  script("mysql", "SELECT 1 AS one\n", t("workflow.aboutPostgresql")),
  script("mssql", "SELECT 1 AS one\n", t("workflow.aboutPostgresql")),
  script("duckdb", "SELECT 1 AS one\n", t("workflow.aboutDuckdb")),
  script("graphql", "query {\n  __typename\n}\n", t("workflow.aboutGraphql")),
  script("go", 'package inner\n\nfunc main() (interface{}, error) {\n\treturn "", nil\n}\n', t("workflow.aboutGo")),
  script("php", "<?php\n\nfunction main() {\n    return [];\n}\n", t("workflow.aboutFunction")),
  script("ruby", "def main\n  {}\nend\n", t("workflow.aboutFunction")),
  {
    key: "script",
    name: kindOf("script").name,
    description: t("workflow.aboutScript"),
    icon: "script",
    base: "call",
    group: GROUP.code,
    make: (id) => ({ id, value: { type: "script", path: "", input_transforms: {} } }),
  },
  {
    key: "flow",
    name: kindOf("flow").name,
    description: t("workflow.aboutWorkflow"),
    icon: "flow",
    base: "workflow",
    group: GROUP.flow,
    make: (id) => ({ id, value: { type: "flow", path: "", input_transforms: {} } }),
  },
  {
    key: "condition",
    name: kindOf("condition").name,
    description: t("workflow.aboutCondition"),
    icon: "question",
    base: "check",
    group: GROUP.flow,
    make: (id) => ({ id, value: { type: "condition", expr: EXAMPLES.condition } }),
  },
  {
    key: "branchone",
    name: kindOf("branchone").name,
    description: t("workflow.aboutSwitch"),
    icon: "branch",
    base: "choose",
    group: GROUP.flow,
    make: (id, inner) => ({
      id,
      value: {
        type: "branchone",
        branches: [{ expr: EXAMPLES.condition, modules: [identity(inner("when"))] }],
        default: [identity(inner("otherwise"))],
      },
    }),
  },
  {
    key: "branchall",
    name: kindOf("branchall").name,
    description: t("workflow.aboutParallel"),
    icon: "branches",
    base: "all",
    group: GROUP.flow,
    make: (id, inner) => ({
      id,
      value: {
        type: "branchall",
        parallel: true,
        branches: [{ modules: [identity(inner("left"))] }, { modules: [identity(inner("right"))] }],
      },
    }),
  },
  {
    key: "forloopflow",
    name: kindOf("forloopflow").name,
    description: t("workflow.aboutForEach"),
    icon: "loop",
    base: "each",
    group: GROUP.flow,
    make: (id, inner) => ({
      id,
      value: {
        type: "forloopflow",
        iterator: { type: "javascript", expr: EXAMPLES.items },
        skip_failures: false,
        modules: [identity(inner("item"))],
      },
    }),
  },
  {
    key: "whileloopflow",
    name: kindOf("whileloopflow").name,
    description: t("workflow.aboutWhile"),
    icon: "loop",
    base: "repeat",
    group: GROUP.flow,
    make: (id, inner) => ({
      id,
      stop_after_if: { expr: EXAMPLES.stop },
      value: { type: "whileloopflow", skip_failures: false, modules: [identity(inner("turn"))] },
    }),
  },
  {
    key: "fields",
    name: t("workflow.setFields"),
    description: t("workflow.aboutSetFields"),
    icon: "python3",
    base: "fields",
    group: GROUP.flow,
    code: SET_FIELDS,
    make: (id) => ({
      id,
      summary: t("workflow.setFields"),
      value: { type: "rawscript", language: "python3", content: SET_FIELDS, input_transforms: {} },
    }),
  },
  {
    key: "identity",
    name: kindOf("identity").name,
    description: t("workflow.aboutIdentity"),
    icon: "identity",
    base: "pass",
    group: GROUP.flow,
    make: identity,
  },
  {
    key: "approval",
    name: kindOf("approval").name,
    description: t("workflow.aboutApproval"),
    icon: "person",
    base: "approval",
    group: GROUP.waiting,
    make: (id) => ({ id, value: { type: "approval", message: t("workflow.approvalMessage") } }),
  },
  {
    key: "delay",
    name: kindOf("delay").name,
    description: t("workflow.aboutDelay"),
    icon: "clock",
    base: "wait",
    group: GROUP.waiting,
    make: (id) => ({ id, value: { type: "delay", seconds: { type: "static", value: 5 } } }),
  },
  {
    key: "webhook",
    name: kindOf("webhook").name,
    description: t("workflow.aboutHttp"),
    icon: "globe",
    base: "request",
    group: GROUP.calls,
    make: (id) => ({
      id,
      value: { type: "webhook", method: "GET", url: { type: "static", value: "https://example.org/" } },
    }),
  },
];

let shown = CATALOG;

/** Replace the kinds of nodes that `entryOf` finds, after further ones have been loaded. */
export function showEntries(entries: readonly CatalogEntry[]): void {
  shown = entries;
}

/** Return the kind of node with a key, if it has been shown. */
export const entryOf = (key: string): CatalogEntry | undefined => shown.find((each) => each.key === key);

/** Return a free id, `base`, `base_2`, `base_3` …, and add it to the ids in use. */
export function freeId(base: string, taken: Set<string>): string {
  let id = base;
  for (let n = 2; taken.has(id); n++) id = `${base}_${n}`;
  taken.add(id);
  return id;
}
