// What scripts do with the published client from npm, as a job with its own token.
import * as wmill from "windmill-client@1.818.0";

type Given = Record<string, string>;

function same(found: unknown, wanted: unknown) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`found ${a}, wanted ${b}`);
}

async function refused(work: () => Promise<unknown>, word: string) {
  try {
    await work();
  } catch (error) {
    const said = `${error} ${JSON.stringify(error)}`;
    if (!said.includes(word)) throw new Error(`it said ${said}`);
    return;
  }
  throw new Error("it was not refused");
}

export async function main(given: Given) {
  await variables(given);
  await resources(given);
  await files(given);
  await state();
  await runs(given);
  await streams();
  return { workspace: process.env.WM_WORKSPACE, email: await wmill.usernameToEmail(given.username) };
}

async function variables(given: Given) {
  const path = `${given.folder}/from_typescript`;
  await wmill.setVariable(path, "first");
  same(await wmill.getVariable(path), "first");
  await wmill.setVariable(path, 'second "quoted" é');
  same(await wmill.getVariable(`var://${path}`), 'second "quoted" é');
  await wmill.setVariable(`${path}_secret`, "s3cret-value", true, "of a test");
  same(await wmill.getVariable(`${path}_secret`), "s3cret-value");
  console.log("opened", await wmill.getVariable(`${path}_secret`));
  await refused(() => wmill.getVariable(`${path}_none`), `${path}_none`);
  same((await wmill.VariableService.getVariable({ workspace: given.workspace, path })).value, 'second "quoted" é');
}

async function resources(given: Given) {
  const path = `${given.folder}/resource_of_typescript`;
  const value = { host: "db", word: `$var:${given.folder}/from_typescript`, list: [1, null, 2.5] };
  await wmill.setResource(value, path, "postgresql");
  same(await wmill.getResource(path), { ...value, word: 'second "quoted" é' });
  await wmill.setResource({ host: "other" }, path);
  same(await wmill.getResource(`$res:${path}`), { host: "other" });
  same(await wmill.getResource(`${path}_none`, true), undefined);
  await refused(() => wmill.getResource(`${path}_none`), `${path}_none`);
  const listed = await wmill.ResourceService.listResource({ workspace: given.workspace, resourceType: "postgresql" });
  same(listed.some((each) => each.path === path), true);
}

async function files(given: Given) {
  const s3 = `${given.folder}/files/typescript.txt`;
  const text = "streamed \u00e9 ".repeat(100_000);
  same(await wmill.writeS3File({ s3 }, text), { s3 });
  same(new TextDecoder().decode(await wmill.loadS3File({ s3 })), text);
  same(await (await wmill.loadS3FileStream(`s3:///${s3}`))?.text(), text);
  const madeUp = await wmill.writeS3File(undefined, new Blob(["x"]));
  same((madeUp as { s3: string }).s3.startsWith("uploads/"), true);
  for (const each of [{ s3 }, madeUp]) await wmill.deleteS3File(each);
  await refused(() => wmill.loadS3File({ s3 }), "404");
  const path = `${given.folder}/bucket_of_typescript`;
  await wmill.setResource({ bucket: "b", endPoint: "s3.example", secretKey: "s3cret-value" }, path, "s3");
  same((await wmill.denoS3LightClientSettings(path)).secretKey, "s3cret-value");
}

async function state() {
  same(await wmill.getState(), undefined);
  await wmill.setState({ seen: [1, 2] });
  same(await wmill.getState(), { seen: [1, 2] });
}

async function runs(given: Given) {
  same(await wmill.runScript(given.script, null, { n: 1 }), { double: 2 });
  same(await wmill.runScriptByPath(given.script, { n: 2 }), { double: 4 });
  same(await wmill.runScriptByHash(given.hash, { n: 3 }), { double: 6 });
  same(await wmill.runFlow(given.flow, { n: 5 }), { double: 20 });
  const id = await wmill.runScriptByPathAsync(given.script, { n: 6 });
  same(await wmill.waitJob(id), { double: 12 });
  const at = { workspace: given.workspace, id };
  same(await wmill.JobService.getCompletedJobResult(at), { double: 12 });
  const maybe = await wmill.JobService.getCompletedJobResultMaybe(at);
  same([maybe.completed, maybe.success], [true, true]);
  const slow = await wmill.runScriptByPathAsync(given.slow);
  await wmill.cancelJob(slow, "not wanted");
  await refused(() => wmill.waitJob(slow), "not wanted");
  const root = await wmill.getRootJobId(await wmill.runFlowAsync(given.flow, { n: 1 }));
  same(root.length, 36);
}

async function* parts() {
  yield "two ";
  yield "three";
}

async function streams() {
  wmill.appendToResultStream("one\n");
  await wmill.streamResult(parts());
}
