import type { Tree } from "./types";

/** What can be added to a workflow. `base` is what its id begins with. */
export interface CatalogEntry {
  key: string;
  name: string;
  description: string;
  icon: string;
  base: string;
  group: "Code" | "Flow" | "People and time" | "Calls";
  /** A new node of its kind; ids of nodes inside come from `id`. */
  make: (id: string, inner: (base: string) => string) => Tree;
}

const script = (language: string, name: string, content: string, description: string): CatalogEntry => ({
  key: language,
  name,
  description,
  icon: language,
  base: "script",
  group: "Code",
  make: (id) => ({ id, value: { type: "rawscript", language, content, input_transforms: {} } }),
});

const identity = (id: string): Tree => ({ id, value: { type: "identity" } });

export const CATALOG: readonly CatalogEntry[] = [
  script("python3", "Python", "def main():\n    return {}\n", "a function with packages from PyPI"),
  script("bun", "TypeScript", "export async function main() {\n  return {}\n}\n", "a function with packages from npm"),
  script("bash", "Bash", "echo '{}'\n", "a shell script, its last line is the result"),
  script("postgresql", "PostgreSQL", "SELECT 1 AS one\n", "a query of a database resource"),
  script("duckdb", "DuckDB", "SELECT 1 AS one\n", "a query of files and data frames"),
  script("go", "Go", 'package inner\n\nfunc main() (interface{}, error) {\n\treturn "", nil\n}\n', "compiled once"),
  script("php", "PHP", "<?php\n\nfunction main() {\n    return [];\n}\n", "a function"),
  script("ruby", "Ruby", "def main\n  {}\nend\n", "a function"),
  {
    key: "script",
    name: "Deployed script",
    description: "a script of the workspace, by its path",
    icon: "script",
    base: "call",
    group: "Code",
    make: (id) => ({ id, value: { type: "script", path: "", input_transforms: {} } }),
  },
  {
    key: "flow",
    name: "Workflow",
    description: "another workflow, with an input of its own",
    icon: "flow",
    base: "workflow",
    group: "Flow",
    make: (id) => ({ id, value: { type: "flow", path: "", input_transforms: {} } }),
  },
  {
    key: "condition",
    name: "Condition",
    description: "if and else: edges on true and on false",
    icon: "question",
    base: "check",
    group: "Flow",
    make: (id) => ({ id, value: { type: "condition", expr: "true" } }),
  },
  {
    key: "branchone",
    name: "Branches: the first that holds",
    description: "one of several ways",
    icon: "branch",
    base: "choose",
    group: "Flow",
    make: (id, inner) => ({
      id,
      value: {
        type: "branchone",
        branches: [{ expr: "true", modules: [identity(inner("when"))] }],
        default: [identity(inner("otherwise"))],
      },
    }),
  },
  {
    key: "branchall",
    name: "Branches: all of them",
    description: "several ways at once",
    icon: "branches",
    base: "all",
    group: "Flow",
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
    name: "Loop: for each",
    description: "its body runs once per item of a list",
    icon: "loop",
    base: "each",
    group: "Flow",
    make: (id, inner) => ({
      id,
      value: {
        type: "forloopflow",
        iterator: { type: "javascript", expr: "[1, 2, 3]" },
        skip_failures: false,
        modules: [identity(inner("item"))],
      },
    }),
  },
  {
    key: "whileloopflow",
    name: "Loop: while",
    description: "its body runs until a condition stops it",
    icon: "loop",
    base: "repeat",
    group: "Flow",
    make: (id, inner) => ({
      id,
      stop_after_if: { expr: "flow_input.iter.index >= 2" },
      value: { type: "whileloopflow", skip_failures: false, modules: [identity(inner("turn"))] },
    }),
  },
  {
    key: "identity",
    name: "Identity",
    description: "gives on what it gets",
    icon: "identity",
    base: "pass",
    group: "Flow",
    make: identity,
  },
  {
    key: "approval",
    name: "Approval",
    description: "waits for a person's decision",
    icon: "person",
    base: "approval",
    group: "People and time",
    make: (id) => ({ id, value: { type: "approval", message: "Please decide." } }),
  },
  {
    key: "delay",
    name: "Delay",
    description: "waits for a time, at no cost",
    icon: "clock",
    base: "wait",
    group: "People and time",
    make: (id) => ({ id, value: { type: "delay", seconds: { type: "static", value: 5 } } }),
  },
  {
    key: "webhook",
    name: "HTTP call",
    description: "calls another server",
    icon: "globe",
    base: "request",
    group: "Calls",
    make: (id) => ({
      id,
      value: { type: "webhook", method: "GET", url: { type: "static", value: "https://example.org/" } },
    }),
  },
];

/** An id that is not taken: `base`, `base_2`, `base_3` … It is taken afterwards. */
export function freeId(base: string, taken: Set<string>): string {
  let id = base;
  for (let n = 2; taken.has(id); n++) id = `${base}_${n}`;
  taken.add(id);
  return id;
}
