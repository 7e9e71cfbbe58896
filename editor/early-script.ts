import { fileURLToPath } from "node:url";
import { build, type Plugin, type Rolldown } from "vite";

const ENTRY = fileURLToPath(new URL("src/early/main.ts", import.meta.url));

/** Position of the script: after the elements that it reads, and before style sheets, which it would wait for. */
const POSITION = "<title>";

/** Return the code of the first script with the modules that it imports, without line breaks at its ends. */
async function earlyCode(): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: { input: ENTRY, output: { format: "iife" } },
    },
  })) as Rolldown.RolldownOutput;
  return built.output[0].code.trim();
}

/** Writes the first script into the page. The server allows it in the content security policy by its hash. */
export function earlyScript(): Plugin {
  return {
    name: "early-script",
    transformIndexHtml: {
      order: "post",
      async handler(html) {
        const code = await earlyCode();
        if (!html.includes(POSITION) || code.includes("</script")) throw new Error("the first script has no place");
        return html.replace(POSITION, () => `<script>${code}</script>\n    ${POSITION}`);
      },
    },
  };
}
