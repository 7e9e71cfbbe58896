import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TRIGGER_OFFERS } from "../src/actions/trigger-offers";
import { INTEGRATIONS } from "../src/integrations/entries";
import { matchScore } from "../src/ui/match-score";
import { CATALOG, searchedTexts } from "../src/workflow/catalog";

/** Return the key of the kind of node, or trigger, that a search lists first. */
function bestMatch(typed: string): string {
  const offers = [
    ...CATALOG.map((entry) => [entry.key, matchScore(entry.name, typed, searchedTexts(entry))] as const),
    ...TRIGGER_OFFERS.map(
      (offer) => [`trigger: ${offer.kind}`, matchScore(offer.name, typed, [offer.description, offer.words])] as const,
    ),
  ];
  return offers.reduce((best, each) => (each[1] > best[1] ? each : best), ["", 0] as const)[0];
}

test.each([
  ["if", "condition"],
  ["switch", "branchone"],
  ["foreach", "forloopflow"],
  ["loop over items", "forloopflow"],
  ["while", "whileloopflow"],
  ["merge", "identity"],
  ["set fields", "fields"],
  ["edit fields", "fields"],
  ["code", "python3"],
  ["schedule", "trigger: schedule"],
  ["cron", "trigger: schedule"],
  ["trigger", "trigger: route"],
  ["webhook", "trigger: webhook"],
])("a search of %s lists %s first", (typed, key) => {
  expect(bestMatch(typed)).toBe(key);
});

/** Return the words by which kinds of nodes are found in a language. */
function wordsIn(language: string): Map<string, string[]> {
  const file = join(import.meta.dirname, "..", "src", "texts", language, "workflow.json");
  const texts = Object.entries(JSON.parse(readFileSync(file, "utf-8")) as Record<string, string>);
  return new Map(
    texts.filter(([name]) => name.startsWith("words")).map(([name, text]) => [name, text.toLowerCase().split(" ")]),
  );
}

test("in German, kinds of nodes are found by their English words as well", () => {
  const german = wordsIn("de");
  const missing = [...wordsIn("en")].map(([name, words]) => words.filter((word) => !german.get(name)?.includes(word)));
  expect(missing.flat()).toEqual([]);
});

test("only an approval has the icon of a person", () => {
  const people = [...CATALOG, ...INTEGRATIONS].filter((entry) => entry.icon === "person");
  expect(people.map((entry) => entry.key)).toEqual(["approval"]);
});
