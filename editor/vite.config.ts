import { fileURLToPath } from "node:url";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

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
const LATER = /tanstack.*(infinite|queriesObserver|useQueries)/i;

type Context = { getModuleInfo: GetModule };

/** Return the function that names the chunk of the modules that a file imports; null for all other modules. */
function chunkOf(file: string, name: string): (id: string, context: Context) => string | null {
  const start = fileURLToPath(new URL(`src/${file}`, import.meta.url));
  let modules: Set<string> | null = null;
  return (id, context) => {
    modules ??= staticImports(start, (each) => context.getModuleInfo(each));
    return modules.has(id) && !LATER.test(id) ? name : null;
  };
}

/**
 * The two chunks that every page loads: `start`, which chooses the language, then `frame`, whose modules read texts. In
 * chunks of their own, the modules that few pages use would be larger, and a request each.
 */
const CHUNKS = [
  { name: chunkOf("main.tsx", "start"), priority: 2 },
  { name: chunkOf("app.tsx", "frame"), priority: 1 },
];

export default defineConfig({
  plugins: [compiledTexts(), preloadedFrame()],
  // Preact runs what is written for React, with a sixth of the size. Types are those of React.
  resolve: { alias: { "react-dom": "preact/compat", react: "preact/compat" } },
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: { groups: CHUNKS } } },
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
