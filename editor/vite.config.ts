import { compileMessage } from "@lingui/message-utils/compileMessage";
import react from "@vitejs/plugin-react";
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

export default defineConfig({
  plugins: [compiledTexts(), react()],
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  test: { include: ["test/**/*.test.ts"], environment: "node", isolate: false, reporters: ["default"] },
});
