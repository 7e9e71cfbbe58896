import { fileURLToPath } from "node:url";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { earlyScript } from "./early-script";
import { readPages, routeFiles } from "./route-files";

/** Compiles the ICU messages of `src/texts/<language>/<page>.json`, so that the page needs no parser. */
function compiledTexts(): Plugin {
  return {
    name: "compiled-texts",
    enforce: "pre",
    transform(code, id) {
      if (!/\/src\/texts\/[a-z]+\/[a-z-]+\.json$/.test(id)) return null;
      const messages: [string, string][] = Object.entries(JSON.parse(code));
      const compiled = Object.fromEntries(messages.map(([name, message]) => [name, compileMessage(message)]));
      return { code: `export default ${JSON.stringify(compiled)}`, moduleType: "js", map: null };
    },
  };
}

/** Loads the frame, which the first script imports, and its styles together with that script. */
function preloadedFrame(): Plugin {
  return {
    name: "preloaded-frame",
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const frame = Object.values(bundle ?? {}).find((each) => each.type === "chunk" && each.name === "frame");
        if (frame?.type !== "chunk") return [];
        const links = [
          { rel: "modulepreload", file: frame.fileName },
          ...[...(frame.viteMetadata?.importedCss ?? [])].map((file) => ({ rel: "stylesheet", file })),
        ];
        return links.map(({ rel, file }) => ({
          tag: "link",
          attrs: { rel, crossorigin: true, href: `/${file}` },
          injectTo: "head",
        }));
      },
    },
  };
}

type GetModule = (id: string) => { importedIds: readonly string[] } | null;

/** Return a module and those that it imports, directly or not, without what is loaded later. */
function staticImports(start: string, getModule: GetModule): Set<string> {
  const found = new Set<string>();
  const open = [start];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    open.push(...(getModule(id)?.importedIds ?? []));
  }
  return found;
}

/** Modules that the index of the query library names and only some pages use. */
const LATER = /tanstack.*(infiniteQueryObserver|useInfiniteQuery|queriesObserver|useQueries)/i;

type Context = { getModuleInfo: GetModule };
type ChunkName = (id: string, context: Context) => string | null;

/** Return the path of a source file. */
const source = (name: string): string => fileURLToPath(new URL(`src/${name}`, import.meta.url));

/** Return a function from a module to whether a file imports it, directly or not. */
function importedBy(file: string): (id: string, context: Context) => boolean {
  let modules: Set<string> | null = null;
  return (id, context) => {
    modules ??= staticImports(file, (each) => context.getModuleInfo(each));
    return modules.has(id) && !LATER.test(id);
  };
}

/** Return the function that names the chunk of the modules that a file imports; null for all other modules. */
function chunkOf(file: string, name: string): ChunkName {
  const imported = importedBy(file);
  return (id, context) => (imported(id, context) ? name : null);
}

/** Files of the pages. */
const PAGES = [...new Set(readPages().flatMap(({ modules }) => modules))];

/** Return the function that names a chunk of modules by the pages that import them. */
function chunkOfPages(holds: (importing: string[]) => boolean, name: string): ChunkName {
  const pages = PAGES.map((file) => ({ file, imported: importedBy(file) }));
  return (id, context) => {
    const importing = pages.filter(({ imported }) => imported(id, context)).map(({ file }) => file);
    return importing.length > 0 && holds(importing) ? name : null;
  };
}

const HOME = source("home/page.tsx");
const WORKFLOW = source("workflow-page/page.tsx");
const RUN = source("runs/page.tsx");
const RUNS = source("runs/list/page.tsx");
/** Pages that show a graph. */
const GRAPHS = [WORKFLOW, RUN, source("runs/compare/page.tsx")];
/** Pages that show code or a graph. */
const EDITORS = [...GRAPHS, source("scripts/page.tsx")];

/** Return the function that names a chunk of the modules for which one of several functions has a name. */
const oneOf =
  (...functions: ChunkName[]): ChunkName =>
  (id, context) =>
    functions.map((chunk) => chunk(id, context)).find((name) => name !== null) ?? null;

/** Return the function that names a chunk of modules by their path. */
const chunkOfPath =
  (path: RegExp, name: string): ChunkName =>
  (id) =>
    path.test(id) ? name : null;

/** Return the function that names a chunk of those modules only whose path matches. */
const within =
  (path: RegExp, chunk: ChunkName): ChunkName =>
  (id, context) =>
    path.test(id) ? chunk(id, context) : null;

const isOnly = (page: string) => (importing: string[]) => importing.length === 1 && importing[0] === page;
const isOf = (pages: readonly string[]) => (importing: string[]) =>
  importing.length > 1 && importing.every((each) => pages.includes(each));

/**
 * `start` and `frame` are loaded by every page: the first chooses the language, the modules of the second read texts. The
 * others are a compromise. As chunks of their own, modules are a request each, which costs more than some kilobytes; in one
 * chunk, every page would load what few pages use.
 */
const CHUNKS = [
  { name: oneOf(chunkOfPath(/rolldown\/runtime/, "start"), chunkOf(source("main.tsx"), "start")), priority: 7 },
  {
    name: oneOf(
      chunkOf(source("app.tsx"), "frame"),
      chunkOfPages((pages) => pages.includes(HOME) && pages.length > 1, "frame"),
    ),
    priority: 6,
  },
  { name: chunkOfPages(isOf(GRAPHS), "graph"), priority: 4 },
  { name: oneOf(chunkOfPages(isOf(EDITORS), "model"), chunkOfPath(/node_modules\/yaml\//, "model")), priority: 3 },
  { name: chunkOfPages((pages) => pages.length > 1 && pages.includes(WORKFLOW), "shared"), priority: 2 },
  {
    name: oneOf(
      chunkOfPages((pages) => pages.length > 5, "controls"),
      chunkOfPath(LATER, "controls"),
    ),
    priority: 1,
  },
  { name: chunkOfPages(isOnly(WORKFLOW), "workflow"), priority: 1 },
  { name: chunkOfPages(isOnly(RUNS), "list"), priority: 1 },
  { name: chunkOfPages((pages) => pages.includes(RUN) && pages.includes(RUNS), "runs"), priority: 1 },
  { name: within(/\/src\/runs\//, chunkOfPages(isOnly(RUN), "run")), priority: 1 },
  { name: chunkOfPages((pages) => pages.includes(RUN), "forms"), priority: 0 },
];

/** Chunks most of whose functions are called before their page shows its data. */
const CALLED_AT_ONCE = new Set([
  "start",
  "frame",
  "graph",
  "model",
  "shared",
  "workflow",
  "run",
  "runs",
  "list",
  "page",
]);

/**
 * Adds the comment that makes Chromium compile all functions of a file while it is loaded, on another thread. Otherwise the
 * main thread compiles each one when it is first called.
 */
function compileHints(): Plugin {
  return {
    name: "compile-hints",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        for (const chunk of Object.values(bundle))
          if (chunk.type === "chunk" && CALLED_AT_ONCE.has(chunk.name))
            chunk.code = `//# allFunctionsCalledOnLoad\n${chunk.code}`;
      },
    },
  };
}

export default defineConfig({
  plugins: [compiledTexts(), preloadedFrame(), earlyScript(), routeFiles(), compileHints()],
  // Preact runs what is written for React, with a sixth of the size. Types are those of React.
  resolve: { alias: { "react-dom": "preact/compat", react: "preact/compat" } },
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: { groups: CHUNKS, includeDependenciesRecursively: false } } },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    isolate: false,
    reporters: ["default"],
    // The default of 5 s fails on a busy machine.
    testTimeout: 120_000,
  },
});
