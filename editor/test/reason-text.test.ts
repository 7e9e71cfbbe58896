import { i18n } from "@lingui/core";
import { afterAll, expect, test, vi } from "vitest";

const ENGLISH = i18n.messages;

// Other files may share the modules and the language.
afterAll(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
  i18n.loadAndActivate({ locale: "en", messages: ENGLISH });
});

/** Load the module on a page in German. */
async function german() {
  vi.stubGlobal("localStorage", { getItem: () => "de" });
  vi.resetModules();
  const { activate } = await import("../src/texts/t");
  const { messages } = await import("../src/texts/de");
  activate("de", messages);
  return import("../src/kinds/reason-text");
}

test("a stored reason is shown in the language of the page", async () => {
  const { storedReasonText } = await german();
  const code = { code: "acting_item", values: { kind: "flow", path: "f/a/b" } };
  expect(storedReasonText("The release changes …", code)).toBe(
    "Das Release ändert ein Element, das für ein Mitglied handelt (Workflow f/a/b); eine Person muss es anwenden.",
  );
  const missed = { code: "missed_ticks", values: { count: "3", rule: "skip" } };
  expect(storedReasonText("3 ticks …", missed)).toContain("3 Termine wurden verpasst");
});

test("an obstacle of a deployment has the text of its code", async () => {
  const { storedReasonText } = await german();
  const values = { count: 0, required: 1, approvers: "", kind: "", path: "", type: "" };
  expect(storedReasonText("The request …", { code: "blocker_approvals_missing", values })).toContain("0 von 1");
});

test("the handler of a schedule is named", async () => {
  const { storedReasonText } = await german();
  const code = { code: "not_started", values: { error: "KeyError", handler: "on_failure" } };
  expect(storedReasonText("on_failure: …", code)).toBe("on_failure: Der Lauf konnte nicht starten: KeyError.");
});

test("an alert has the number of jobs in the plural of its language", async () => {
  const { storedReasonText } = await german();
  const values = { queue: "gpu", page: "http://a/w/main/workers" };
  const text = (count: number) =>
    storedReasonText("Jobs waiting …", { code: "alert_no_worker", values: { ...values, count } });
  expect(text(1)).toMatch(/^1 Job wartet in der Warteschlange gpu,.*\n.* fort: http:\/\/a\/w\/main\/workers$/);
  expect(text(2)).toContain("2 Jobs warten");
});

test("an alert about a schedule has the reason of its error in the language of the page", async () => {
  const { storedReasonText } = await german();
  const values = {
    reason: "ann, for …",
    cause: "schedule_owner_gone",
    user: "ann",
    workspace: "main",
    page: "http://a",
  };
  const text = (more: object) =>
    storedReasonText("The reason is: …", { code: "alert_schedule_error", values: { ...values, ...more } });
  expect(text({})).toContain(
    "Der Grund ist: ann, in dessen Namen der Zeitplan läuft, ist kein Mitglied von main mehr.",
  );
  expect(text({ cause: "" })).toContain("Der Grund ist: ann, for …");
});

test("a reason without a known code is shown in English", async () => {
  const { storedReasonText } = await german();
  expect(storedReasonText("Stored before.", null)).toBe("Stored before.");
  expect(storedReasonText("Of a newer server.", { code: "unheard_of", values: {} })).toBe("Of a newer server.");
});
