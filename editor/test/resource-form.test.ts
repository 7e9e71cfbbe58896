import { expect, test, vi } from "vitest";

// The client of the API reads its address from the page.
vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { formSchema, formValues, MASK, resourceValue } = await import("../src/settings/resource-form");
vi.unstubAllGlobals();

const SCHEMA = {
  type: "object",
  order: ["host", "password"],
  required: ["host", "password"],
  properties: { password: { type: "string", password: true }, host: { type: "string" } },
};
const STORED = { host: "db", password: MASK, extra: 1 };

test("a stored secret is an empty optional field, and a new one is required", () => {
  expect(formValues(SCHEMA, STORED)).toEqual({ host: "db", extra: 1 });
  expect(formSchema(SCHEMA, STORED)).toMatchObject({ required: ["host"] });
  expect(formSchema(SCHEMA, {})).toMatchObject({ required: ["host", "password"] });
});

test("an empty secret is kept, a typed one replaces it, and fields outside of the schema are preserved", () => {
  expect(resourceValue(SCHEMA, STORED, { host: "db2" })).toEqual({ host: "db2", password: MASK, extra: 1 });
  expect(resourceValue(SCHEMA, STORED, { host: "db", password: "new" })).toEqual({
    host: "db",
    password: "new",
    extra: 1,
  });
  expect(resourceValue(SCHEMA, {}, { host: "db" })).toEqual({ host: "db" });
});
