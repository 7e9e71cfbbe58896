import { expect, it } from "vitest";
import { alertSubject } from "../src/kinds/alert-subject";

it("names the kind of an item that an alert is about", () => {
  expect(alertSubject("flow/f/sales/renewal")).toBe("Workflow f/sales/renewal");
  expect(alertSubject("script/f/sales/total")).toBe("Script f/sales/total");
});

it("leaves other subjects of alerts unchanged", () => {
  expect(alertSubject("python3")).toBe("python3");
  expect(alertSubject("flow")).toBe("flow");
});
