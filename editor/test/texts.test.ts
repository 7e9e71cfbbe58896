import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "..", "src");
const TEXTS = join(SOURCE, "texts");

/** Attributes and properties that people read. */
const READ = new Set(["label", "title", "placeholder", "aria-label", "alt", "hint", "text", "summary", "description"]);
/** Functions whose first argument people read. */
const SHOWN = new Set(["notify", "Error"]);

function catalogue(language: string): Record<string, string> {
  const folder = join(TEXTS, language);
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return Object.fromEntries(
    files.flatMap((file) =>
      Object.entries(JSON.parse(readFileSync(join(folder, file), "utf-8"))).map(([name, message]) => [
        `${file.replace(".json", "")}.${name}`,
        String(message),
      ]),
    ),
  );
}

const ENGLISH = catalogue("en");
const placeholders = (message: string) =>
  [...new Set([...message.matchAll(/\{\s*(\w+)\s*[,}]/g)].map((match) => match[1] ?? ""))].sort();

function sources(folder = SOURCE): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return path === TEXTS ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

interface Call {
  where: string;
  key: string;
  /** Names of the values; null if the call does not list them. */
  values: string[] | null;
}

function nodesOf(path: string): ts.Node[] {
  const file = ts.createSourceFile(path, readFileSync(path, "utf-8"), ts.ScriptTarget.ES2022, true);
  const found: ts.Node[] = [];
  const visit = (node: ts.Node) => {
    found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const NODES = sources().map((path) => [relative(SOURCE, path), nodesOf(path)] as const);
const lineOf = (node: ts.Node) => node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;

function namesOf(argument: ts.Expression | undefined): string[] | null {
  if (!argument) return [];
  if (!ts.isObjectLiteralExpression(argument)) return null;
  return argument.properties.map((property) => property.name?.getText() ?? "…");
}

function callOf(where: string, node: ts.Node): Call[] {
  if (!ts.isCallExpression(node) || !/^(t|tWith)$/.test(node.expression.getText())) return [];
  const [key, values, more] = node.arguments;
  if (!key || !ts.isStringLiteral(key)) return [];
  const names = [namesOf(values), namesOf(more)];
  const all = names.every((each) => each !== null) ? names.flat().map(String).sort() : null;
  return [{ where: `${where}:${lineOf(node)}`, key: key.text, values: all }];
}

test("each language has the keys and the placeholders of English", () => {
  for (const language of readdirSync(TEXTS).filter((name) => !name.includes("."))) {
    const other = catalogue(language);
    expect(Object.keys(other).sort()).toEqual(Object.keys(ENGLISH).sort());
    for (const [key, message] of Object.entries(ENGLISH))
      expect([key, placeholders(other[key] ?? "")]).toEqual([key, placeholders(message)]);
  }
});

/** Dialogs that ask before they act. */
const QUESTIONS = new Set(["Confirm", "DepartureDialog"]);

/** Return the keys of the texts among which the title of a dialog that asks is chosen. */
function questionsOf(node: ts.Node): string[] {
  const isQuestion = ts.isJsxOpeningElement(node) && QUESTIONS.has(node.tagName.getText());
  const attributes = isQuestion ? node.attributes.properties.filter(ts.isJsxAttribute) : [];
  const title = attributes.find((each) => each.name.getText() === "title");
  return [...(title?.getText().matchAll(/"([a-z-]+\.\w+)"/g) ?? [])].map((match) => match[1] ?? "");
}

test("each confirmation asks a question", () => {
  const keys = NODES.flatMap(([, nodes]) => nodes.flatMap(questionsOf));
  expect(keys.length).toBeGreaterThan(20);
  for (const language of ["en", "de"]) {
    const texts = catalogue(language);
    expect(keys.map((key) => texts[key] ?? key).filter((text) => !/\?\}*$/.test(text))).toEqual([]);
  }
});

test("texts have one term for each thing", () => {
  const other = /\b(choos\w+|chos\w+|rights|colors?)\b/i;
  expect(Object.entries(ENGLISH).filter(([, message]) => other.test(message))).toEqual([]);
});

/** German terms that another one stands for; the English words among those to search for are no texts. */
const OTHER_GERMAN = /\b(HTTP-Trigger|Trigger|Entprell\w*|Promotion|Anmeldung in zwei Schritten|Vorgabe)\b|\bzeigen$/;

test("German texts have one term for each thing", () => {
  const texts = Object.entries(catalogue("de")).filter(([key]) => !key.startsWith("actions.words"));
  expect(texts.filter(([, message]) => OTHER_GERMAN.test(message))).toEqual([]);
});

test("each text is used, and each call passes the values of its text", () => {
  const whole = sources()
    .map((path) => readFileSync(path, "utf-8"))
    .join("\n");
  const named = new Set([...whole.matchAll(/"([a-z-]+\.\w+)"/g)].map((match) => match[1]));
  const prefixes = [...whole.matchAll(/`([a-z-]+\.\w*)\$\{/g)].map((match) => match[1] ?? "");
  const unused = Object.keys(ENGLISH).filter(
    (key) => !named.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)),
  );
  expect(unused).toEqual([]);
  const calls = NODES.flatMap(([where, nodes]) => nodes.flatMap((node) => callOf(where, node)));
  const wrong = calls.filter(({ key, values }) => values && `${values}` !== `${placeholders(ENGLISH[key] ?? "")}`);
  expect(wrong).toEqual([]);
});

/** Rooms whose texts are part of the first load. */
const SHARED = new Set(["lib", "shell", "ui"]);

/** Return the rooms whose texts `texts/<room>` loads: its own, and those that it imports. */
function loadedWith(room: string): string[] {
  const text = readFileSync(join(TEXTS, `${room}.ts`), "utf-8");
  return [room, ...[...text.matchAll(/^import "\.\/([a-z-]+)";/gm)].map((match) => match[1] ?? "")];
}

test("a file uses texts of its room, which its import of `t` loads, and shared texts", () => {
  const wrong = NODES.flatMap(([where, nodes]) => {
    const room = where.split("/")[0] ?? "";
    const loads = nodes.some((node) => ts.isImportDeclaration(node) && node.getText().endsWith(`texts/${room}";`));
    return nodes
      .flatMap((node) => callOf(where, node))
      .filter(({ key }) => {
        const page = key.split(".")[0] ?? "";
        return !SHARED.has(page) && !(loads && loadedWith(room).includes(page));
      });
  });
  expect(wrong).toEqual([]);
});

/** The literal text that a node shows to people, if it is one. */
function shownText(node: ts.Node): string {
  if (ts.isJsxText(node)) return node.text;
  if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return "";
  const parent = ts.isJsxExpression(node.parent) ? node.parent.parent : node.parent;
  const isRead =
    ((ts.isJsxAttribute(parent) || ts.isPropertyAssignment(parent)) && READ.has(parent.name.getText())) ||
    ((ts.isCallExpression(parent) || ts.isNewExpression(parent)) && SHOWN.has(parent.expression.getText())) ||
    ts.isJsxElement(parent);
  return isRead ? node.getText().replace(/\$\{[^}]*\}/g, "") : "";
}

test("no text of the page is in its sources", () => {
  const found = NODES.flatMap(([where, nodes]) =>
    nodes
      .filter((node) => /\p{L}{2}/u.test(shownText(node)))
      .map((node) => `${where}:${lineOf(node)} ${node.getText()}`),
  );
  expect(found).toEqual([]);
});
