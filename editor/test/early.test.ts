import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sendEarlyRequests, takeEarlyResponse } from "../src/early/requests";

const ORIGIN = "https://orvanta.test";
const FRAME = ["/api/users/whoami", "/api/workspaces/users", "/api/auth/oidc/providers"];
const RUN = "01a23602-7a73-72d6-850f-5f53f6ce5eb6";

const sent = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const paths = () => sent.mock.calls.map(([url]) => url.replace(ORIGIN, "")).sort();

/** Send the requests of a page. `answers`: bodies by path, null of all others. Return the paths that were requested. */
async function open(path: string, answers: Record<string, unknown> = {}, base = ""): Promise<string[]> {
  sent.mockImplementation(async (url) => Response.json(answers[url.replace(ORIGIN, "")] ?? null));
  globalThis.earlyRequests = sendEarlyRequests(path, base, ORIGIN);
  await Promise.all([...globalThis.earlyRequests.values()].map(({ response }) => response));
  return paths();
}

beforeEach(() => void vi.stubGlobal("fetch", sent));
afterEach(() => {
  sent.mockReset();
  vi.unstubAllGlobals();
  globalThis.earlyRequests = undefined;
});

test.each([
  ["/login", []],
  ["/", FRAME],
  ["/w/main/workflows", [...FRAME, "/api/w/main/users/whoami"]],
  ["/w/main/runs/search", [...FRAME, "/api/w/main/users/whoami"]],
  ["/w/main", [...FRAME, "/api/w/main/users/whoami", "/api/w/main/overview"]],
])("the page at %s begins with its requests", async (path, expected) => {
  expect(await open(path)).toEqual([...expected].sort());
});

test("a workflow that was deployed is requested after its draft, one that was never deployed is not", async () => {
  const [draft, flow] = ["/api/w/main/drafts/flow/f%2Fa%20b%2Fc", "/api/w/main/flows/get/f%2Fa%20b%2Fc"];
  const path = "/w/main/workflows/f/a%20b/c";
  expect(await open(path)).toEqual(expect.arrayContaining([draft, flow]));
  sent.mockClear();
  expect(await open(path, { [draft]: { newest_version: 3 } })).toContain(flow);
  sent.mockClear();
  expect(await open(path, { [draft]: { newest_version: null } })).not.toContain(flow);
  expect(await takeEarlyResponse(new Request(ORIGIN + flow))).toBeNull();
});

test("the document of a run is requested if it is one of a workflow, in the workspace of the page", async () => {
  const about = `/api/v1/runs/${RUN}/about`;
  // The second is the address of a job of another run.
  for (const body of [
    { is_workflow: false, run_id: RUN },
    { is_workflow: true, run_id: "other" },
  ])
    expect(await open(`/w/main/runs/${RUN}`, { [about]: body })).not.toContain(`/api/v1/runs/${RUN}/document`);
  sent.mockClear();
  const facts = { is_workflow: true, run_id: RUN };
  const all = await open(`/w/main/runs/${RUN}`, { [about]: facts });
  expect(all).toContain(`/api/v1/runs/${RUN}/document`);
  const headers = sent.mock.calls.filter(([url]) => url.includes("/runs/")).map(([, init]) => init.headers);
  expect(headers).toEqual([
    { "X-Orvanta": "1", "X-Workspace": "main" },
    { "X-Orvanta": "1", "X-Workspace": "main" },
  ]);
  const other = new Request(ORIGIN + about, { headers: { "X-Workspace": "other" } });
  expect(await takeEarlyResponse(other)).toBeNull();
  const own = new Request(ORIGIN + about, { headers: { "X-Workspace": "main" } });
  expect(await (await takeEarlyResponse(own))?.json()).toEqual(facts);
});

test("a response is taken once, and only for a GET", async () => {
  await open("/", { "/api/users/whoami": { email: "a@b.c" } });
  const url = `${ORIGIN}/api/users/whoami`;
  expect(await takeEarlyResponse(new Request(url, { method: "POST" }))).toBeNull();
  expect(await (await takeEarlyResponse(new Request(url)))?.json()).toEqual({ email: "a@b.c" });
  expect(await takeEarlyResponse(new Request(url))).toBeNull();
});

test("a request that fails is an error of the request that takes its response", async () => {
  sent.mockRejectedValue(new TypeError("no connection"));
  globalThis.earlyRequests = sendEarlyRequests("/w/main/workflows/f/a", "", ORIGIN);
  // The workflow was not requested after its draft, so it can be requested now.
  await expect(takeEarlyResponse(new Request(`${ORIGIN}/api/w/main/flows/get/f%2Fa`))).resolves.toBeNull();
  await expect(takeEarlyResponse(new Request(`${ORIGIN}/api/users/whoami`))).rejects.toThrow("no connection");
  await expect(takeEarlyResponse(new Request(`${ORIGIN}/api/users/whoami`))).resolves.toBeNull();
});

test("an API at another address receives the cookie of the session", async () => {
  const base = "https://api.orvanta.test/";
  await open("/", {}, base);
  expect(sent.mock.calls[0]).toEqual([
    "https://api.orvanta.test/api/users/whoami",
    { headers: { "X-Orvanta": "1" }, credentials: "include" },
  ]);
});
