import { expect, test } from "vitest";
import { freeName, nameFrom, pathFault } from "../src/home/naming";

test("an id is made from a name, and numbered where it is taken", () => {
  expect(nameFrom("Import rows, report what failed!")).toBe("import_rows_report_what_failed");
  expect(nameFrom("Übergröße prüfen")).toBe("ubergro_e_prufen");
  expect(nameFrom("…")).toBe("workflow");
  const taken = new Set(["f/a/x", "f/a/x_2"]);
  expect(freeName("f/a", "x", taken)).toBe("x_3");
  expect(freeName("f/b", "x", taken)).toBe("x");
});

test("what cannot be a path is said before it is sent", () => {
  const taken = new Set(["f/a/x"]);
  expect(pathFault("f/a", "y.z/w-1", taken)).toBeUndefined();
  expect(pathFault("f/a", "x", taken)).toContain("already");
  expect(pathFault("f/", "x", taken)).toContain("folder");
  expect(pathFault("f/a", "a b", taken)).toContain("letters");
  expect(pathFault("f/a", "..", taken)).toContain("letters");
  expect(pathFault("f/a", "x".repeat(260), taken)).toContain("long");
});
