import { afterEach, expect, test, vi } from "vitest";
import { parseJson } from "../src/lib/exact-number";

// The client of the API reads its address from the page.
vi.stubGlobal("document", { querySelector: () => null });
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { api } = await import("../src/api/client");
vi.unstubAllGlobals();

afterEach(() => void vi.unstubAllGlobals());

const BIG = "12345678901234567890";

test("responses of the API are read and requests written with all digits", async () => {
  const bodies = [...[BIG, "0.12345678901234567890", "1e400", "1.5"].map((text) => `{"a":${text}}`), ""];
  const sent: string[] = [];
  const answer = vi.fn<(request: Request) => Promise<Response>>();
  vi.stubGlobal("fetch", answer);
  const params = { path: { workspace: "main", id: "1" } };
  for (const text of bodies) {
    for (const headers of [new Headers(), new Headers({ "Content-Length": String(text.length) })]) {
      answer.mockImplementation(async (request) => {
        sent.push(await request.text());
        return new Response(text, { headers });
      });
      const { data } = await api.POST("/api/w/{workspace}/jobs/rerun/{id}", {
        params,
        body: parseJson(text || "{}") as never,
      });
      expect(JSON.stringify(data)).toBe(text || undefined);
      expect(sent.pop()).toBe(text || "{}");
    }
  }
  const error = { code: "version_conflict", message: "Changed", details: { theirs: 1 } };
  const refusal = JSON.stringify({ error }).replace("1}", `${BIG}}`);
  answer.mockImplementation(async () => new Response(refusal, { status: 409 }));
  const details = parseJson(`{"theirs":${BIG}}`);
  await expect(api.POST("/api/w/{workspace}/jobs/rerun/{id}", { params })).rejects.toMatchObject({ details });
});
