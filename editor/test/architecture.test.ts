import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "..", "src");

/** Rooms from the bottom up. A file imports from its own room and from the rooms of lower layers only. */
const LAYERS: readonly (readonly string[])[] = [
  ["texts"],
  ["lib", "routing"],
  ["early"],
  ["ui", "workflow"],
  ["api"],
  ["editor", "integrations"],
  ["actions", "code", "forms", "kinds"],
  ["canvas", "approvals", "items", "references", "sharing"],
  ["inspector", "versions", "dry-runs"],
  ["panels", "conflicts", "triggers", "workflow-tests"],
  ["workflows", "scripts", "runs", "schedules", "workers", "settings", "home", "environments"],
  ["workflow-page"],
  ["shell"],
  ["router"],
  ["app"],
  ["main"],
];

function sourceFiles(folder = SOURCE): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [relative(SOURCE, path)] : [];
  });
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;

/** The files that each file imports, static and lazy, types included. */
function importGraph(): Map<string, string[]> {
  const files = new Set(sourceFiles());
  const target = (file: string, specifier: string) => {
    const path = join(dirname(file), specifier);
    return [path, `${path}.ts`, `${path}.tsx`].find((each) => files.has(each));
  };
  return new Map(
    [...files].map((file) => {
      const text = readFileSync(join(SOURCE, file), "utf-8");
      const targets = [...text.matchAll(IMPORT)].map((match) => target(file, match[1] ?? ""));
      return [file, targets.filter((each) => each !== undefined)];
    }),
  );
}

const roomOf = (file: string) => file.replace(/\.tsx?$/, "").split("/")[0] ?? "";
const layerOf = (file: string) => LAYERS.findIndex((rooms) => rooms.includes(roomOf(file)));

/** Imports that lead to a higher layer, or to another room of the same one. */
function upwardImports(graph: Map<string, string[]>): string[] {
  const isUpward = (from: string, to: string) => roomOf(from) !== roomOf(to) && layerOf(to) >= layerOf(from);
  return [...graph].flatMap(([from, targets]) =>
    targets.filter((to) => isUpward(from, to)).map((to) => `${from} → ${to}`),
  );
}

/** The files of an import circle; empty when there is none. */
function importCircle(graph: Map<string, string[]>): string[] {
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return path.slice(path.indexOf(file));
    if (finished.has(file)) return [];
    for (const target of graph.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle.length > 0) return circle;
    }
    finished.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

test("every source file belongs to a layer", () => {
  expect([...importGraph().keys()].filter((file) => layerOf(file) < 0)).toEqual([]);
});

test("imports lead to lower layers only", () => {
  expect(upwardImports(importGraph())).toEqual([]);
});

test("calls of the API import no components", () => {
  const targets = [...importGraph()].flatMap(([from, to]) => (roomOf(from) === "api" ? to : []));
  expect(targets.filter((to) => roomOf(to) === "ui" || to.endsWith(".tsx"))).toEqual([]);
});

test("no files import each other in a circle", () => {
  expect(importCircle(importGraph())).toEqual([]);
});

test("drop-down lists have one control", () => {
  const users = sourceFiles().filter((file) => readFileSync(join(SOURCE, file), "utf-8").includes("<select"));
  expect(users).toEqual([join("ui", "select.tsx")]);
});

/** Files that read JSON which contains no values of users. */
const OWN_JSON = [
  ...["api/client.ts", "api/stream.ts", "api/values.ts", "early/requests.ts", "editor/node-job.ts", "forms/values.ts"],
  ...["lib/exact-number.ts", "lib/recent-items.ts", "runs/data/node-values.tsx", "runs/list/saved-views.ts"],
  ...["settings/setting-row.tsx", "workflow/scope.ts"],
];

test("values of users are read with all digits of their numbers, by parseJson", () => {
  const isReader = (file: string) => /JSON\.parse\(|\.json\(\)/.test(readFileSync(join(SOURCE, file), "utf-8"));
  expect(sourceFiles().filter(isReader).sort()).toEqual(OWN_JSON.map((file) => join(file)).sort());
});

test("the checks report an upward import and a circle", () => {
  expect(upwardImports(new Map([["ui/icon.tsx", ["api/runs.ts"]]]))).toEqual(["ui/icon.tsx → api/runs.ts"]);
  const circle = new Map([
    ["api/runs.ts", ["api/flows.ts"]],
    ["api/flows.ts", ["api/runs.ts"]],
  ]);
  expect(importCircle(circle)).toEqual(["api/runs.ts", "api/flows.ts"]);
});
