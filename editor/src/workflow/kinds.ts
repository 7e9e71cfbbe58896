import { t } from "../texts/t";

/** A kind of node: its name, and the name of its icon. */
export interface Kind {
  name: string;
  icon: string;
}

const LANGUAGES: Record<string, string> = {
  python3: "Python",
  bun: "TypeScript",
  deno: "TypeScript (Deno)",
  nativets: t("workflow.nativeTypescript"),
  bunnative: t("workflow.nativeTypescript"),
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
  rawscript: { name: t("workflow.kindCode"), icon: "code" },
  script: { name: t("workflow.kindScript"), icon: "script" },
  flow: { name: t("workflow.kindWorkflow"), icon: "flow" },
  forloopflow: { name: t("workflow.kindForEach"), icon: "loop" },
  whileloopflow: { name: t("workflow.kindWhile"), icon: "loop" },
  branchone: { name: t("workflow.kindSwitch"), icon: "branch" },
  branchall: { name: t("workflow.kindParallel"), icon: "branches" },
  identity: { name: t("workflow.kindIdentity"), icon: "identity" },
  approval: { name: t("workflow.kindApproval"), icon: "person" },
  condition: { name: t("workflow.kindCondition"), icon: "question" },
  webhook: { name: t("workflow.kindHttp"), icon: "globe" },
  delay: { name: t("workflow.kindDelay"), icon: "clock" },
  aiagent: { name: t("workflow.kindAgent"), icon: "spark" },
};

export function languageName(language: string): string {
  return LANGUAGES[language] ?? language;
}

export function kindOf(kind: string, language = ""): Kind {
  const found = KINDS[kind] ?? { name: kind || t("workflow.kindUnknown"), icon: "question" };
  return language ? { name: languageName(language), icon: language in ICONS ? language : "code" } : found;
}

/** The letters that are the icons of languages. */
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
