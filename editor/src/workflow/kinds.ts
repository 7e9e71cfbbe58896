/** What a kind of node is called, and the word that its icon goes by. */
export interface Kind {
  name: string;
  icon: string;
}

const LANGUAGES: Record<string, string> = {
  python3: "Python",
  bun: "TypeScript",
  deno: "TypeScript (Deno)",
  nativets: "TypeScript (native)",
  bunnative: "TypeScript (native)",
  bash: "Bash",
  go: "Go",
  php: "PHP",
  ruby: "Ruby",
  rust: "Rust",
  postgresql: "PostgreSQL",
  mysql: "MySQL",
  duckdb: "DuckDB",
  graphql: "GraphQL",
};

const KINDS: Record<string, Kind> = {
  rawscript: { name: "Script", icon: "code" },
  script: { name: "Deployed script", icon: "script" },
  flow: { name: "Workflow", icon: "flow" },
  forloopflow: { name: "For each", icon: "loop" },
  whileloopflow: { name: "While", icon: "loop" },
  branchone: { name: "First branch that holds", icon: "branch" },
  branchall: { name: "All branches", icon: "branches" },
  identity: { name: "Identity", icon: "identity" },
  approval: { name: "Approval", icon: "person" },
  condition: { name: "Condition", icon: "question" },
  webhook: { name: "HTTP call", icon: "globe" },
  delay: { name: "Delay", icon: "clock" },
  aiagent: { name: "AI agent", icon: "spark" },
};

export function languageName(language: string): string {
  return LANGUAGES[language] ?? language;
}

export function kindOf(kind: string, language = ""): Kind {
  const found = KINDS[kind] ?? { name: kind || "Unknown", icon: "question" };
  return language ? { name: languageName(language), icon: language in ICONS ? language : "code" } : found;
}

/** Languages whose icon is letters of their own. */
export const ICONS: Record<string, string> = {
  python3: "Py",
  bun: "TS",
  deno: "TS",
  nativets: "TS",
  bunnative: "TS",
  bash: "$_",
  go: "Go",
  php: "php",
  ruby: "Rb",
  rust: "Rs",
  postgresql: "PG",
  duckdb: "DD",
  mysql: "My",
  graphql: "GQ",
};

export const isLoop = (kind: string): boolean => kind === "forloopflow" || kind === "whileloopflow";
