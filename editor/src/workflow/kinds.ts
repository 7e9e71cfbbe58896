import { ICONS } from "../lib/language-icons";
import { t } from "../texts/workflow";

/** Group of kinds of nodes that share a colour. */
export type Family = "code" | "call" | "control" | "person" | "service";

/** A kind of node: its name, the name of its icon, and its family. */
export interface Kind {
  name: string;
  icon: string;
  family: Family;
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
  mssql: "SQL Server",
  snowflake: "Snowflake",
  bigquery: "BigQuery",
  duckdb: "DuckDB",
  graphql: "GraphQL",
  rlang: "R",
  nu: "Nushell",
  powershell: "PowerShell",
  java: "Java",
  csharp: "C#",
};

const KINDS: Record<string, Kind> = {
  rawscript: { name: t("workflow.kindCode"), icon: "code", family: "code" },
  script: { name: t("workflow.kindScript"), icon: "script", family: "call" },
  flow: { name: t("workflow.kindWorkflow"), icon: "flow", family: "call" },
  forloopflow: { name: t("workflow.kindForEach"), icon: "loop", family: "control" },
  whileloopflow: { name: t("workflow.kindWhile"), icon: "loop", family: "control" },
  branchone: { name: t("workflow.kindSwitch"), icon: "branch", family: "control" },
  branchall: { name: t("workflow.kindParallel"), icon: "branches", family: "control" },
  identity: { name: t("workflow.kindIdentity"), icon: "identity", family: "control" },
  approval: { name: t("workflow.kindApproval"), icon: "person", family: "person" },
  condition: { name: t("workflow.kindCondition"), icon: "question", family: "control" },
  webhook: { name: t("workflow.kindHttp"), icon: "globe", family: "service" },
  delay: { name: t("workflow.kindDelay"), icon: "clock", family: "control" },
  aiagent: { name: t("workflow.kindAgent"), icon: "spark", family: "service" },
};

export function languageName(language: string): string {
  return LANGUAGES[language] ?? language;
}

export function kindOf(kind: string, language = ""): Kind {
  const found = KINDS[kind] ?? { name: kind || t("workflow.kindUnknown"), icon: "question", family: "control" };
  if (!language) return found;
  return { name: languageName(language), icon: language in ICONS ? language : "code", family: "code" };
}

export const isLoop = (kind: string): boolean => kind === "forloopflow" || kind === "whileloopflow";
