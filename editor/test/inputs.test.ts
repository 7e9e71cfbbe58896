import { expect, test, vi } from "vitest";

// The client of the API reads its address from the page.
vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { ApiError } = await import("../src/api/client");
const { pathError } = await import("../src/forms/path-name");
const { formErrors, initialFields, propertiesOf, readFields } = await import("../src/forms/inputs");
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

test("a refusal of the server is shown at the fields that it names, otherwise in the form", () => {
  const refusal = (...errors: [string, string][]) =>
    new ApiError(400, "invalid_input", "The input is invalid.", "Correct it.", {
      errors: errors.map(([path, message]) => ({ path, message })),
    });
  expect(formErrors(refusal(["/name", "too short"], ["/lines/0/sku", "missing"]), NAMES)).toEqual({
    fields: { name: "too short", lines: "0.sku: missing" },
    form: null,
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
