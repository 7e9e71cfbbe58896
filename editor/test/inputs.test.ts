import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { ApiError } from "../src/lib/api-error";
import { parseJson } from "../src/lib/exact-number";
import { at, type Json, type Tree } from "../src/workflow/types";

// The client of the API reads its address from the page.
vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { pathError } = await import("../src/forms/path-name");
const { controlOf, formErrors, propertiesOf } = await import("../src/forms/inputs");
const { initialFields, otherValues, readFields, readObjectText, withPoint } = await import("../src/forms/values");
vi.unstubAllGlobals();

const SCHEMA = {
  type: "object",
  required: ["name", "lines"],
  properties: {
    name: { type: "string" },
    lines: { type: "array" },
    count: { type: "integer", default: 2 },
    price: { type: "number" },
    about: { type: "object" },
    size: { enum: ["1", 1, "big"] },
  },
};
const SHIPPED = "../src/orvanta_platform/orchestrator/resource_types.json";
const NAMES = Object.keys(SCHEMA.properties);

test("texts of fields become values of the types of the schema", () => {
  const texts = initialFields(NAMES, propertiesOf(SCHEMA), { name: "7", lines: [1], about: { a: null } });
  expect(texts.count).toBe("2");
  expect(readFields(NAMES, { ...texts, price: "1.5", size: "big" }, SCHEMA)).toEqual({
    args: { name: "7", lines: [1], count: 2, price: 1.5, about: { a: null }, size: "big" },
    wrong: {},
  });
  const { args, wrong } = readFields(NAMES, { lines: "{}", count: "1.5", price: '"1"', about: "[1]" }, SCHEMA);
  expect(args).toEqual({});
  expect(Object.keys(wrong)).toEqual(["name", "lines", "count", "price", "about"]);
});

test("a number with more digits than a number in JavaScript is sent with all of them", () => {
  const properties = { whole: { type: "integer" }, any: {}, number: { type: "number" } };
  const read = (text: string) =>
    readFields(Object.keys(properties), { whole: text, any: text, number: text }, { properties });
  for (const text of ["9007199254740993", "-12345678901234567890", "9007199254740991", "0"]) {
    const { args, wrong } = read(text);
    expect([JSON.stringify(args), wrong]).toEqual([`{"whole":${text},"any":${text},"number":${text}}`, {}]);
  }
  const { args, wrong } = read("0.1234567890123456789");
  expect(JSON.stringify(args)).toBe('{"any":0.1234567890123456789,"number":0.1234567890123456789}');
  expect(wrong).toEqual({ whole: "Enter a whole number." });
});

test("such a number inside a JSON value is sent with all digits, too", () => {
  const properties: Tree = {
    about: { type: "object" },
    rows: { type: "array", items: { type: "object" } },
    any: {},
    ids: { type: "array", items: { type: "integer" } },
    group: { type: "object", properties: { name: { type: "string" } } },
  };
  const names = Object.keys(properties);
  const big = "9007199254740993";
  const group = `{"rest":${big},"name":"a"}`;
  const text = `{"about":{"id":${big}},"rows":[{"id":[1,-2,${big}]}],"any":[${big}],"ids":[1,${big}],"group":${group}}`;
  const texts = initialFields(names, properties, parseJson(text) as Tree);
  expect(texts.ids).toBe(`["1","${big}"]`);
  const { args, wrong } = readFields(names, texts, { properties });
  expect([JSON.stringify(args), wrong]).toEqual([text, {}]);
  expect(readFields(["any"], { any: `call ${big}` }, { properties }).args).toEqual({ any: `call ${big}` });
  expect(JSON.stringify(readObjectText(`{"id": ${big}}`))).toBe(`{"value":{"id":${big}}}`);
  expect(otherValues(["name"], parseJson(`{"id": ${big}}`) as Tree)).toContain(`"id": ${big}`);
});

test("values of inputs without a type are preserved, whatever they are", () => {
  const properties: Tree = { body: { description: "The request" }, either: { type: ["string", "object", "null"] } };
  const schema = { type: "object", properties };
  const values: Json[] = [{ a: [1] }, "text", "7", '"quoted"', 7, true, [null]];
  for (const value of values) {
    const args = { body: value, either: value };
    const texts = initialFields(["body", "either"], properties, args);
    expect(readFields(["body", "either"], texts, schema)).toEqual({ args, wrong: {} });
  }
  expect(readFields(["body", "either"], { body: "{", either: "5" }, schema).args).toEqual({ body: "{", either: 5 });
});

test("values without a field are an object of their own", () => {
  expect(JSON.parse(otherValues(["name"], { name: "Ada", extra: 5 }))).toEqual({ extra: 5 });
  expect(otherValues(["name"], { name: "Ada" })).toBe("");
  expect([readObjectText(" "), readObjectText('{"a": 1}'), readObjectText("[1]")]).toEqual([
    { value: {} },
    { value: { a: 1 } },
    { error: "Enter a JSON object." },
  ]);
});

const PROPERTIES: Tree = {
  address: {
    type: "object",
    required: ["street"],
    properties: { street: { type: "string" }, number: { type: "integer" } },
  },
  spare: { type: "object", required: ["street"], properties: { street: { type: "string" } } },
  tags: { type: "array", items: { type: "integer" } },
  mail: { anyOf: [{ type: "string", format: "email" }, { type: "null" }], default: null },
  level: {
    oneOf: [
      { const: 1, title: "Low" },
      { const: 2, title: "High" },
    ],
  },
  pay: {
    oneOf: [
      { type: "object", required: ["iban"], properties: { by: { const: "transfer" }, iban: { type: "string" } } },
      { type: "object", properties: { by: { const: "card" }, number: { type: "string", default: "0" } } },
    ],
  },
};
const NESTED: Tree = { type: "object", required: ["address", "pay"], properties: PROPERTIES };
const FIELDS = Object.keys(PROPERTIES);

test("fields of nested objects, lists and variants become their values, and values fill them", () => {
  const value = {
    address: { street: "Main", number: 3, unknown: true },
    tags: [1, 2],
    mail: "a@b",
    level: 2,
    pay: { by: "card", number: "7" },
  };
  const texts = initialFields(FIELDS, propertiesOf(NESTED), value);
  expect(texts).toMatchObject({
    "address/street": "Main",
    "address/number": "3",
    pay: "1",
    "pay/number": "7",
    level: "2",
  });
  expect(readFields(FIELDS, texts, NESTED)).toEqual({ args: value, wrong: {} });
  // Another variant has its own fields, with their defaults.
  expect(readFields(FIELDS, { ...texts, pay: "0" }, NESTED).wrong).toEqual({ "pay/iban": "Required" });
  const { "pay/number": _, ...chosen } = texts;
  expect(readFields(FIELDS, chosen, NESTED).args.pay).toEqual({ by: "card", number: "0" });
  const wrong = { "address/number": "x", tags: '["1","","y"]', mail: "nobody" };
  expect(readFields(FIELDS, wrong, NESTED).wrong).toEqual({
    "address/street": "Required",
    "address/number": "Enter a whole number.",
    tags: "Item 3: Enter a whole number.",
    mail: "Enter an e-mail address.",
    pay: "Required",
  });
});

test("a refusal of the server is shown at the fields that it names, otherwise in the form", () => {
  const refusal = (...errors: [string, string][]) =>
    new ApiError(400, "invalid_input", "The input is invalid.", "Correct it.", {
      errors: errors.map(([path, message]) => ({ path, message })),
    });
  expect(formErrors(refusal(["/name", "too short"], ["/lines/0/sku", "missing"]), NAMES)).toEqual({
    fields: { name: "too short", lines: "0.sku: missing" },
    form: null,
  });
  expect(formErrors(refusal(["/address/street", "too short"]), ["address", "address/street"]).fields).toEqual({
    "address/street": "too short",
  });
  const form = "The input is invalid. Correct it.";
  expect(formErrors(refusal(["/other", "unknown"]), NAMES)).toEqual({ fields: {}, form });
  expect(formErrors(refusal(), NAMES)).toEqual({ fields: {}, form });
  expect(formErrors(new Error("no connection"), NAMES)).toEqual({ fields: {}, form: "no connection" });
});

test("a path has no error before the folders are fetched", () => {
  expect(pathError("", "new_workflow", new Set())).toBeUndefined();
  expect(pathError("f/", "new_workflow", new Set())).toContain("folder name");
  expect(pathError("f/a", "b", new Set(["f/a/b"]))).toContain("already used");
});

test("keys and certificates of the shipped resource types, and other texts of several lines, have a field with lines", () => {
  const types: Record<string, { schema: Json }> = JSON.parse(readFileSync(SHIPPED, "utf8"));
  const fields = Object.values(types).flatMap(({ schema }) => Object.values(propertiesOf(schema)));
  const pem = fields.filter((each) => String(at(each, ["description"])).includes("as PEM"));
  expect(pem.map(controlOf)).toEqual(["long", "long-secret", "long-secret", "long-secret"]);
  expect(controlOf({ type: "string", format: "textarea" })).toBe("long");
  expect(controlOf({ type: "string", format: "password" })).toBe("secret");
});

test("a number may have the decimal comma of the language", () => {
  expect(withPoint("12,5", ",")).toBe("12.5");
  expect(withPoint("-0,25", ",")).toBe("-0.25");
  expect(withPoint("12,5", ".")).toBe("12,5");
  expect(withPoint("1,2,3", ",")).toBe("1,2,3");
});
