import { at, isTree, type Json, type Tree } from "./types";

/** Return the first example of a schema. */
export function exampleOf(schema: Json | undefined): Tree | null {
  const examples = at(schema, ["examples"]);
  const found = Array.isArray(examples) ? examples[0] : null;
  return isTree(found ?? null) ? (found as Tree) : null;
}

const TEXTS: Readonly<Record<string, string>> = {
  date: "2030-01-31",
  "date-time": "2030-01-31T12:00:00Z",
  time: "12:00:00",
  email: "name@example.org",
  uri: "https://example.org",
};

/** Return an input that a schema accepts, as an example: its own first one, otherwise one with the required fields. */
export function sampleInput(schema: Json | undefined): Tree {
  return exampleOf(schema) ?? sampleObject(schema);
}

function sampleObject(schema: Json | undefined): Tree {
  const required = at(schema, ["required"]);
  const names = Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
  return Object.fromEntries(names.map((name) => [name, sampleValue(at(schema, ["properties", name]))]));
}

/** Return a value of a definition: its default, constant, first choice or example, otherwise one of its type. */
function sampleValue(definition: Json | undefined): Json {
  const known = [["default"], ["const"], ["enum", 0], ["examples", 0]].map((path) => at(definition, path));
  const given = known.find((value) => value !== undefined);
  if (given !== undefined) return given;
  const type = at(definition, ["type"]);
  switch (Array.isArray(type) ? type.find((each) => each !== "null") : type) {
    case "integer":
    case "number":
      return at(definition, ["minimum"]) ?? 1;
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return sampleObject(definition);
    default:
      return TEXTS[String(at(definition, ["format"]) ?? "")] ?? "text";
  }
}
