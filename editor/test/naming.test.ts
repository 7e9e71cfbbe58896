import { expect, test } from "vitest";
import { freeId, idFromName, pathError } from "../src/forms/path-name";

test("an id is made from a name, and numbered where it is taken", () => {
  expect(idFromName("Import rows, report what failed!")).toBe("import_rows_report_what_failed");
  expect(idFromName("Übergröße prüfen")).toBe("uebergroesse_pruefen");
  expect(idFromName("…")).toBe("workflow");
  const taken = new Set(["f/a/x", "f/a/x_2"]);
  expect(freeId("f/a", "x", taken)).toBe("x_3");
  expect(freeId("f/b", "x", taken)).toBe("x");
});

test("what cannot be a path is said before it is sent", () => {
  const taken = new Set(["f/a/x"]);
  expect(pathError("f/a", "y.z/w-1", taken)).toBeUndefined();
  expect(pathError("f/продажи", "отчёт.रिपोर्ट", taken)).toBeUndefined();
  expect(pathError("f/a", "x", taken)).toContain("already");
  expect(pathError("f/", "x", taken)).toContain("folder");
  expect(pathError("f/a", "a b", taken)).toContain("letters");
  expect(pathError("f/a", "..", taken)).toContain("letters");
  expect(pathError("f/a", "x".repeat(260), taken)).toContain("long");
});
