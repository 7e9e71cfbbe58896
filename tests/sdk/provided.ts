// Job that calls every function of the provided client; returns name → "" or the error.
import wmill, * as all from "windmill-client";
import orvanta, { getVariable } from "orvanta-client";

type Given = Record<string, string>;

function same(found: unknown, expected: unknown) {
  if (!Bun.deepEquals(found, expected)) throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
}

async function refused(work: () => unknown, ...words: string[]) {
  let said = "";
  try {
    await work();
  } catch (error) {
    said = String(error);
  }
  if (!said || !words.every((word) => said.includes(word))) throw new Error(`not refused as it should be: ${said}`);
}

const place = (given: Given, name: string) => `${given.folder}/provided_ts_${name}`;

async function* parts() {
  yield "two ";
  yield "three";
}

const CHECKS: Record<string, (given: Given) => Promise<void>> = {
  async getVariable(given) {
    const path = place(given, "v");
    await wmill.setVariable(path, "first");
    await wmill.setVariable(path, "é");
    same([await getVariable(path), await wmill.getVariable(`var://${path}`)], ["é", "é"]);
    await refused(() => wmill.getVariable(place(given, "none")), "404", "none");
  },
  async setVariable(given) {
    await wmill.setVariable(place(given, "w"), "s3cret-value", true, "of a test");
    console.log("opened", await wmill.getVariable(place(given, "w")));
  },
  async resources(given) {
    const path = place(given, "r");
    await refused(() => wmill.setResource({}, path), "does not exist");
    await wmill.setResource({ host: "db", word: `$var:${place(given, "v")}` }, path, "postgresql");
    same(await wmill.getResource(`$res:${path}`), { host: "db", word: "é" });
    await wmill.setResource({ user: "u", password: "p", host: "h", port: 1, dbname: "d", sslmode: "disable" }, path);
    same(await wmill.databaseUrlFromResource(path), "postgresql://u:p@h:1/d?sslmode=disable");
    same((await wmill.resolveDefaultResource(`$res:${path}`)).host, "h");
    same(await wmill.getResource(`${path}_none`, true), undefined);
    await refused(() => wmill.getResource(`${path}_none`), "404");
  },
  async states(given) {
    same(wmill.getStatePath(), process.env.WM_STATE_PATH);
    same(await wmill.getState(), undefined);
    const earlier = wmill.getStatePath().split("/").slice(0, 3).join("/"); // the state of all triggers, of earlier releases
    await wmill.setResource({ n: 0 }, earlier, "state");
    same(await wmill.getState(), { n: 0 });
    await wmill.setState({ n: 1 });
    same([await wmill.getState(), await wmill.getInternalState()], [{ n: 1 }, { n: 1 }]);
    await wmill.setInternalState([2]);
    await wmill.setState("other", place(given, "state"));
    same([await wmill.getState(), await wmill.getState(place(given, "state"))], [[2], "other"]);
  },
  async runs(given) {
    same(await wmill.runScript(given.script, null, { n: 1 }), { double: 2 });
    same(await wmill.runScriptByPath(given.script!, { n: 2 }), { double: 4 });
    same(await wmill.runScriptByHash(given.hash!, { n: 3 }), { double: 6 });
    same(await wmill.runFlow(given.flow, { n: 5 }), { double: 20 });
    await refused(() => wmill.runScriptByPath(given.failing!), "was not successful", "as it must");
  },
  // A log that was already written would end every long poll immediately.
  async waitJob(given) {
    const polls: string[] = [];
    const send = globalThis.fetch;
    globalThis.fetch = ((url: URL, init: RequestInit) => {
      if (url.pathname.includes("getupdate")) polls.push(url.search);
      return send(url, init);
    }) as typeof fetch;
    const later = await wmill.runScriptAsync(given.script!, null, { n: 1 }, 1);
    same(await wmill.waitJob(later), { double: 2 });
    globalThis.fetch = send;
    same([polls.length > 0, polls.every((each) => each.includes("no_logs=true"))], [true, true]);
  },
  async runsAsync(given) {
    const ids = [
      await wmill.runScriptAsync(given.script!, null, { n: 6 }),
      await wmill.runScriptByPathAsync(given.script!, { n: 6 }),
      await wmill.runScriptByHashAsync(given.hash!, { n: 6 }),
    ];
    for (const id of ids) same([await wmill.waitJob(id), await wmill.getResult(id)], [{ double: 12 }, { double: 12 }]);
    same((await wmill.getResultMaybe(ids[0]!)).success, true);
    const run = await wmill.runFlowAsync(given.flow!, { n: 1 });
    same(await wmill.getRootJobId(run), run);
    const slow = await wmill.runScriptByPathAsync(given.slow!);
    await wmill.cancelJob(slow, "not wanted");
    await refused(() => wmill.waitJob(slow), "not wanted");
  },
  async progress() {
    same(await wmill.getProgress(), null);
    await wmill.setProgress(40);
    await wmill.setProgress(20.5);
    same(await wmill.getProgress(process.env.WM_JOB_ID), 40);
  },
  async files(given) {
    const s3 = place(given, "a.txt");
    const text = "streamed é ".repeat(100_000);
    same(await wmill.writeS3File({ s3 }, text), { s3 });
    same(new TextDecoder().decode(await wmill.loadS3File({ s3 })), text);
    same(await (await wmill.loadS3FileStream(`s3:///${s3}`)).text(), text);
    const made = await wmill.writeS3File(undefined, new Blob(["x"]));
    same(made.s3.startsWith("uploads/"), true);
    for (const each of [{ s3 }, made]) await wmill.deleteS3File(each);
    await refused(() => wmill.loadS3File({ s3 }), "404");
    same(wmill.parseS3Object("s3://store/a/b"), { s3: "a/b", storage: "store" });
  },
  async presigned(given) {
    const written = await wmill.writeS3File({ s3: place(given, "b.txt") }, "read without a token");
    const signed = await wmill.signS3Object(written, { expirySecs: 60 });
    const urls = [
      signed.presigned!,
      await wmill.getPresignedS3PublicUrl(written),
      ...(await wmill.getPresignedS3PublicUrls([signed, written], { expirySecs: 60 })),
      (await wmill.signS3Objects([written]))[0]!.presigned!,
    ];
    for (const url of urls) same(await (await fetch(url)).text(), "read without a token");
  },
  async buckets(given) {
    await wmill.setResource({ bucket: "b", endPoint: "s3.example", secretKey: "s3cret-value" }, place(given, "s3"), "s3");
    same((await wmill.denoS3LightClientSettings(place(given, "s3"))).secretKey, "s3cret-value");
  },
  async identity(given) {
    same([wmill.getWorkspace(), await wmill.usernameToEmail(given.username!)], [given.workspace, given.email]);
    const [, claims] = (await wmill.getIdToken("vault.example", 60)).split(".");
    same(JSON.parse(Buffer.from(claims!, "base64url").toString()).email, given.email);
    same(wmill.workerHasInternalServer(), true);
    wmill.setClient(process.env.WM_TOKEN, process.env.WM_BASE_URL);
    same(wmill.OpenAPI.TOKEN, process.env.WM_TOKEN);
  },
  async streams() {
    wmill.appendToResultStream("one\n");
    await wmill.streamResult(parts());
  },
  async userStates() {
    await wmill.setFlowUserState("k", { n: 1 });
    same(await wmill.getFlowUserState("k"), { n: 1 });
  },
  async bytes() {
    same(wmill.uint8ArrayToBase64(wmill.base64ToUint8Array("aGVsbG8=")), "aGVsbG8=");
  },
  async services(given) {
    const { workspace } = given;
    const path = place(given, "v");
    same((await wmill.VariableService.getVariable({ workspace, path })).value, "é");
    same(await all.VariableService.existsVariable({ workspace, path }), true);
    const listed = await orvanta.ResourceService.listResource({ workspace, resourceType: "s3" });
    same(listed.some((each: { path: string }) => each.path === place(given, "s3")), true);
    const requestBody = { path: place(given, "made"), value: "x", is_secret: false, description: "" };
    await wmill.VariableService.createVariable({ workspace, requestBody });
    const id = await wmill.JobService.runScriptByPath({ workspace, path: given.script, requestBody: { n: 7 } });
    same(await wmill.waitJob(id), { double: 14 });
    same(await wmill.JobService.getCompletedJobResult({ workspace, id }), { double: 14 });
    await refused(() => wmill.VariableService.getVariable({ workspace, path: `${path}_none` }), "404");
    await refused(() => wmill.KafkaTriggerService.listKafkaTriggers({}), "KafkaTriggerService.listKafkaTriggers()");
  },
  async asCode(given) {
    const double = wmill.task(async (n: number) => ({ n: n * 2, at: new Date(0) }));
    const main = wmill.workflow(async (n: number) => {
      await wmill.sleep(0);
      const results = await wmill.parallel([n, 3], wmill.task("f/other", double), { concurrency: 1 });
      return [results, await wmill.step("now", () => [undefined]), await wmill.taskScript(given.script)({ n: 4 })];
    });
    const at = "1970-01-01T00:00:00.000Z";
    same(await main(2), [[{ n: 4, at }, { n: 6, at }], [null], { double: 8 }]);
  },
  async notServed() {
    const names = [
      ...["requestInteractiveTeamsApproval", "getApprovalUrls"],
      ...["datatable", "ducklake", "upsertPartition", "appendPartition", "commitKafkaOffsets", "waitForApproval"],
      "setWorkflowCtx",
    ];
    for (const name of names)
      await refused(() => (wmill as any)[name]("x"), `${name}() is not available on this platform: `);
  },
};

export async function main(given: Given) {
  const outcomes: Record<string, string> = {};
  for (const [name, check] of Object.entries(CHECKS))
    outcomes[name] = await check(given).then(
      () => "",
      (error) => String(error?.stack ?? error),
    );
  return outcomes;
}
