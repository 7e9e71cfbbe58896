import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { ApiError } from "../src/lib/api-error";
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

test("a whole number with more digits than a number has is refused, not rounded", () => {
  const properties = { whole: { type: "integer" }, any: {}, number: { type: "number" } };
  const read = (text: string) =>
    readFields(Object.keys(properties), { whole: text, any: text, number: text }, { properties });
  const error = "9007199254740993 has too many digits. 9007199254740992 would be sent instead.";
  expect(read("9007199254740993")).toEqual({ args: {}, wrong: { whole: error, any: error, number: error } });
  for (const text of ["9007199254740991", "-9007199254740991", "0", "12 "]) {
    const [value, wrong] = [Number(text), {}];
    expect(read(text)).toEqual({ args: { whole: value, any: value, number: value }, wrong });
  }
  expect(read("0.1").args.number).toBe(0.1);
});

test("such a number inside a JSON value is refused, too, but not as a text", () => {
  const properties: Tree = {
    about: { type: "object" },
    rows: { type: "array", items: { type: "object" } },
    any: {},
    ids: { type: "array", items: { type: "integer" } },
  };
  const read = (name: string, text: string) => readFields([name], { [name]: text }, { properties });
  const big = "9007199254740993";
  const error = `${big} has too many digits. 9007199254740992 would be sent instead.`;
  expect(read("about", `{"id": ${big}}`)).toEqual({ args: {}, wrong: { about: error } });
  expect(read("rows", `[{"id": [1, -2, ${big}]}]`)).toEqual({ args: {}, wrong: { rows: error } });
  expect(read("any", `[${big}]`)).toEqual({ args: {}, wrong: { any: error } });
  expect(read("ids", `["1", "${big}"]`)).toEqual({ args: { ids: [1] }, wrong: { ids: `Item 2: ${error}` } });
  const exact = `{"id": "${big}", "say \\"${big}": 9007199254740991, "half": 0.${big}, "far": 1e30}`;
  expect(read("about", exact)).toEqual({ args: { about: JSON.parse(exact) }, wrong: {} });
  expect(read("any", `call ${big}`)).toEqual({ args: { any: `call ${big}` }, wrong: {} });
  expect(readObjectText(`{"id": ${big}}`)).toEqual({ error });
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
