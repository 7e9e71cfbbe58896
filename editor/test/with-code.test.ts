import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeParts } from "../src/ui/with-code";

const SOURCE = join(import.meta.dirname, "..", "src");

test("each second part is code, and a single backtick is text", () => {
  expect(codeParts("Send `a` as `b`.")).toEqual(["Send ", "a", " as ", "b", "."]);
  expect(codeParts("no code")).toEqual(["no code"]);
  expect(codeParts("a single ` is text")).toEqual(["a single ` is text"]);
});

test("messages of the server are shown with their code", () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf-8" }).filter((file) => file.endsWith(".tsx"));
  // Attributes take plain text; the field that has one shows it with code.
  const plain = /(?<!=)\{\s*(?:errorText|problemText|outcomeText)\(/;
  expect(files.filter((file) => plain.test(readFileSync(join(SOURCE, file), "utf-8")))).toEqual([]);
});
