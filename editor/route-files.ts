import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Plugin, parseAst, type Rolldown } from "vite";

/** A page: the addresses at which it is shown, and the modules that are loaded for it. */
interface PageRoute {
  /** Regular expression of the whole path of an address. */
  pattern: string;
  modules: string[];
}

/** A node of a syntax tree, as ESTree has it. */
// biome-ignore lint/suspicious/noExplicitAny: each use knows the type of its node
type Syntax = any;

const ROUTER = fileURLToPath(new URL("src/router.tsx", import.meta.url));

/** Return the pages that the router loads. Its source is read, as it runs only in a browser. */
export function readPages(): PageRoute[] {
  const program: Syntax = parseAst(readFileSync(ROUTER, "utf8"), { lang: "tsx" });
  const declarations: Syntax[] = program.body.flatMap((each: Syntax) => each.declaration?.declarations ?? []);
  const router = declarations.find((each) => each.id.name === "router");
  return pagesOf(router.init.arguments[0], { pattern: "", modules: [] });
}

function pagesOf(routes: Syntax, parent: PageRoute): PageRoute[] {
  return routes.elements.flatMap((route: Syntax) => {
    const member = (name: string): Syntax => route.properties.find((each: Syntax) => each.key.name === name)?.value;
    const pattern = parent.pattern + patternOf(member("path")?.value ?? "");
    const loaded = member("load")?.body.object.argument.source.value;
    const modules = loaded ? [...parent.modules, `${resolve(dirname(ROUTER), loaded)}.tsx`] : parent.modules;
    const children = member("children");
    if (children) return pagesOf(children, { pattern, modules });
    return modules.length > 0 ? [{ pattern, modules }] : [];
  });
}

/** Return the regular expression of a path of the router: `:name` is a part, a final `*` the rest. */
function patternOf(path: string): string {
  const parts = path.split("/").filter(Boolean);
  return parts.map((part) => (part === "*" ? "(?:/.*)?" : part.startsWith(":") ? "/[^/]+" : `/${part}`)).join("");
}

/**
 * Writes `routes.json`: the files of each page that the index does not name. The server sends their names with the index,
 * so that the browser requests them at once and not after the first scripts have run.
 */
export function routeFiles(): Plugin {
  return {
    name: "route-files",
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
      const holding = (module: string) => chunks.filter((each) => each.moduleIds.includes(module));
      const first = closureOf(
        chunks.filter((each) => each.isEntry || each.name === "frame"),
        bundle,
      );
      const routes = readPages().map(({ pattern, modules }) => {
        const files = filesOf(closureOf(modules.flatMap(holding), bundle));
        const known = new Set(filesOf(first));
        return { pattern, files: files.filter((each) => !known.has(each)) };
      });
      this.emitFile({ type: "asset", fileName: "routes.json", source: JSON.stringify(routes) });
    },
  };
}

/** Return chunks and those that they import, directly or not, without what is loaded later. */
function closureOf(start: Rolldown.OutputChunk[], bundle: Rolldown.OutputBundle): Set<Rolldown.OutputChunk> {
  const found = new Set<Rolldown.OutputChunk>();
  const open = [...start];
  for (let chunk = open.pop(); chunk !== undefined; chunk = open.pop()) {
    if (found.has(chunk)) continue;
    found.add(chunk);
    open.push(...chunk.imports.map((name) => bundle[name]).filter((each) => each?.type === "chunk"));
  }
  return found;
}

function filesOf(chunks: Iterable<Rolldown.OutputChunk>): string[] {
  return [...chunks].flatMap((each) => [each.fileName, ...(each.viteMetadata?.importedCss ?? [])]);
}
