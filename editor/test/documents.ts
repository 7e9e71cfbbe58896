import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { isTree, type Json } from "../src/workflow/types";

const ROOT = join(import.meta.dirname, "..", "..");
const EXAMPLES = join(ROOT, "examples");
const CASES = join(ROOT, "tests", "cases");

export interface Sample {
  name: string;
  /** The document as it was written. */
  text: string;
}

/** The examples as they are on disk. */
export const examples: Sample[] = readdirSync(EXAMPLES)
  .filter((name) => name.endsWith(".flow"))
  .map((name) => ({ name, text: readFileSync(join(EXAMPLES, name, "flow.yaml"), "utf-8") }));

/** Files of the semantics' cases; the workflow stands under the key `flow` (or is none). */
export const cases: Sample[] = readdirSync(CASES)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => ({ name, text: readFileSync(join(CASES, name), "utf-8") }));

/** The workflow of a case as a document. */
export function flowOf(sample: Sample): Json {
  const found = parse(sample.text);
  return { value: isTree(found) && isTree(found.flow) ? found.flow : {} };
}

export const trees: [string, Json][] = [
  ...examples.map((each): [string, Json] => [each.name, parse(each.text)]),
  ...cases.map((each): [string, Json] => [each.name, flowOf(each)]),
];
