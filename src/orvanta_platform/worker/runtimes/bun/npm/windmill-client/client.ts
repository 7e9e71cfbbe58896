// Runs, variables, resources and states of the workspace.

import { withoutPrefix } from "./files.ts";
import { ApiError, call, OpenAPI, send } from "./request.ts";

export type Args = Record<string, any> | null;
export type Sql = string;
export type Email = string;
export type Base64 = string;
export type Resource<_ extends string> = any;
export type ResumeUrls = { approvalPage: string; resume: string; cancel: string };

export const SHARED_FOLDER = "/shared";

export const getEnv = (key: string): string | undefined => process.env[key];

/** Returns a variable of the job's environment by its name without prefix. */
const jobVariable = (name: string) => getEnv(`WM_${name}`) || getEnv(`OV_${name}`) || undefined;

/** Sets the token and the address for all later calls. */
export function setClient(token?: string, baseUrl?: string): void {
  OpenAPI.TOKEN = token;
  OpenAPI.BASE = `${baseUrl ?? getEnv("BASE_INTERNAL_URL") ?? jobVariable("BASE_URL")}/api`;
}

export function workerHasInternalServer(): boolean {
  return /^https?:\/\/(localhost|127\.0\.0\.1)(:|\/|$)/.test(OpenAPI.BASE);
}

// Starts a run and returns its id.
function start(kind: string, of: string, args: Args, seconds?: number | null, tag?: string | null, child = true) {
  const parent = child ? { parent_job: jobVariable("JOB_ID"), root_job: jobVariable("ROOT_FLOW_JOB_ID") } : {};
  const query = { scheduled_in_secs: seconds || undefined, tag: tag || undefined, ...parent };
  return call("POST", `jobs/run/${kind}/${of}`, query, args ?? {}) as Promise<string>;
}

export async function runScriptByPathAsync(
  path: string,
  args: Args = null,
  scheduledInSeconds: number | null = null,
  tag: string | null = null,
): Promise<string> {
  return start("p", path, args, scheduledInSeconds, tag);
}

export async function runScriptByHashAsync(
  hash_: string,
  args: Args = null,
  scheduledInSeconds: number | null = null,
  tag: string | null = null,
): Promise<string> {
  return start("h", hash_, args, scheduledInSeconds, tag);
}

export async function runScriptAsync(
  path: string | null,
  hash_: string | null,
  args: Args,
  scheduledInSeconds: number | null = null,
  tag: string | null = null,
): Promise<string> {
  if (!path === !hash_) throw new Error("Pass either a path or a hash.");
  return start(path ? "p" : "h", (path || hash_)!, args, scheduledInSeconds, tag);
}

export async function runFlowAsync(
  path: string | null,
  args: Args,
  scheduledInSeconds: number | null = null,
  doNotTrackInParent = true,
  tag: string | null = null,
): Promise<string> {
  return start("f", path ?? jobVariable("FLOW_PATH") ?? "", args, scheduledInSeconds, tag, !doNotTrackInParent);
}

export async function runScript(
  path: string | null = null,
  hash_: string | null = null,
  args: Args = null,
  verbose = false,
  tag: string | null = null,
): Promise<any> {
  return waitJob(await runScriptAsync(path, hash_, args, null, tag), verbose);
}

export async function runScriptByPath(path: string, args: Args = null, verbose = false, tag: string | null = null) {
  return runScript(path, null, args, verbose, tag);
}

export async function runScriptByHash(hash_: string, args: Args = null, verbose = false, tag: string | null = null) {
  return runScript(null, hash_, args, verbose, tag);
}

export async function runFlow(
  path: string | null = null,
  args: Args = null,
  verbose = false,
  tag: string | null = null,
): Promise<any> {
  return waitJob(await runFlowAsync(path, args, null, true, tag), verbose);
}

/** Waits until a run has ended and returns its result. Throws if it failed. */
export async function waitJob(jobId: string, verbose = false): Promise<any> {
  while (true) {
    const found = await getResultMaybe(jobId);
    if (found.completed && found.success) return found.result;
    if (found.completed)
      throw new Error(`Job ${jobId} was not successful: ${JSON.stringify(found.result?.error ?? found.result)}`);
    if (verbose) console.info(`waiting for job ${jobId}`);
    // The server answers as soon as something changed.
    await call("GET", `jobs_u/getupdate/${jobId}`, { running: Boolean(found.started), no_logs: true });
  }
}

export async function getResult(jobId: string): Promise<any> {
  return call("GET", `jobs_u/completed/get_result/${jobId}`);
}

export async function getResultMaybe(jobId: string): Promise<any> {
  return call("GET", `jobs_u/completed/get_result_maybe/${jobId}`);
}

export async function cancelJob(jobId: string, reason?: string): Promise<string> {
  return call("POST", `jobs_u/queue/cancel/${jobId}`, {}, { reason: reason ?? "cancelled by a script" });
}

export async function getRootJobId(jobId = jobVariable("JOB_ID")): Promise<string> {
  return call("GET", `jobs_u/get_root_job_id/${jobId}`);
}

/** Sets the progress of a running job in percent, by default this one. It never decreases. */
export async function setProgress(percent: number, jobId: string | undefined = jobVariable("JOB_ID")): Promise<void> {
  await call("POST", `job_metrics/set_progress/${jobId}`, {}, { percent });
}

export async function getProgress(jobId: string | undefined = jobVariable("JOB_ID")): Promise<number | null> {
  return call("GET", `job_metrics/get_progress/${jobId}`);
}

/** Adds a text to the stream of the result. */
export function appendToResultStream(text: string): void {
  console.log(`WM_STREAM: ${text.replaceAll("\n", "\\n")}`);
}

export async function streamResult(stream: AsyncIterable<string>): Promise<void> {
  for await (const text of stream) appendToResultStream(text);
}

const variablePath = (path: string) => path.replace(/^var:\/\//, "");

export async function getVariable(path: string): Promise<string> {
  return call("GET", `variables/get_value/${variablePath(path)}`);
}

/** Sets a variable, creating it if needed. */
export async function setVariable(
  path: string,
  value: string,
  isSecretIfNotExist = false,
  descriptionIfNotExist = "",
): Promise<void> {
  const name = variablePath(path);
  if (await call("GET", `variables/exists/${name}`)) {
    await call("POST", `variables/update/${name}`, {}, { value });
    return;
  }
  const body = { path: name, value, is_secret: isSecretIfNotExist, description: descriptionIfNotExist };
  await call("POST", "variables/create", {}, body);
}

/** Returns the value of a resource with the values of the variables that it names. */
export async function getResource(path?: string, undefinedIfEmpty = false): Promise<any> {
  const name = withoutPrefix(path) ?? getStatePath();
  try {
    return await call("GET", `resources/get_value_interpolated/${name}`);
  } catch (error) {
    if (undefinedIfEmpty && error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Sets a resource, creating it with the type if there is one. */
export async function setResource(value: any, path?: string, initializeToTypeIfNotExist?: string): Promise<void> {
  const name = withoutPrefix(path) ?? getStatePath();
  if (await call("GET", `resources/exists/${name}`))
    await call("POST", `resources/update_value/${name}`, {}, { value: value ?? null });
  else if (initializeToTypeIfNotExist) {
    const body = { path: name, value: value ?? null, resource_type: initializeToTypeIfNotExist };
    await call("POST", "resources/create", {}, body);
  } else throw new Error(`The resource ${name} does not exist, and no type was passed to create it.`);
}

export async function resolveDefaultResource(obj: any): Promise<any> {
  return typeof obj === "string" && obj.startsWith("$res:") ? getResource(obj, true) : obj;
}

/** Returns the address of the database of a `postgresql` resource. */
export async function databaseUrlFromResource(path: string): Promise<string> {
  const { user, password, host, port, dbname, sslmode, options } = await getResource(path);
  const more = options ? `&options=${encodeURIComponent(options)}` : "";
  return `postgresql://${user}:${password}@${host}:${port}/${dbname}?sslmode=${sslmode}${more}`;
}

export function getStatePath(): string {
  const path = jobVariable("STATE_PATH_NEW") ?? jobVariable("STATE_PATH");
  if (!path) throw new Error("A script without a path has no state.");
  return path;
}

/** Returns the value that an earlier run with the same trigger stored, undefined if there is none. */
export async function getState(path?: string): Promise<any> {
  const state = await getResource(path ?? getStatePath(), true);
  if (state != null || path !== undefined) return state;
  // Earlier releases stored one state for all triggers.
  return getResource(getStatePath().split("/").slice(0, 3).join("/"), true);
}

/** Stores a value for later runs of this script. */
export async function setState(state: any, path?: string): Promise<void> {
  await setResource(state, path ?? getStatePath(), "state");
}

export const getInternalState = (): Promise<any> => getState();
export const setInternalState = (state: any): Promise<void> => setState(state);

async function userState(key: string): Promise<string> {
  return `jobs/flow/user_states/${await getRootJobId()}/${key}`;
}

/** Stores a value in the context of this run. */
export async function setFlowUserState(key: string, value: any, errorIfNotPossible = false): Promise<void> {
  try {
    await send("POST", await userState(key), {}, value ?? null);
  } catch (error) {
    if (errorIfNotPossible) throw error;
    console.error(`The state ${key} could not be set: ${error}`);
  }
}

/** Returns a value of the context of this run, null if there is none. */
export async function getFlowUserState(key: string, errorIfNotPossible = false): Promise<any> {
  try {
    return await call("GET", await userState(key));
  } catch (error) {
    if (errorIfNotPossible) throw error;
    console.error(`The state ${key} could not be read: ${error}`);
  }
}

/** Returns the links that resume or cancel this run. */
export async function getResumeUrls(approver?: string, flowLevel?: boolean): Promise<ResumeUrls> {
  const number = crypto.getRandomValues(new Uint32Array(1))[0];
  return call("GET", `jobs/resume_urls/${jobVariable("JOB_ID")}/${number}`, { approver, flow_level: flowLevel });
}

export const getResumeEndpoints = (approver?: string): Promise<ResumeUrls> => getResumeUrls(approver);

export type SlackApproval = {
  slackResourcePath: string;
  channelId: string;
  message?: string;
  approver?: string;
  defaultArgsJson?: Record<string, any>;
  dynamicEnumsJson?: Record<string, any>;
  resumeButtonText?: string;
  cancelButtonText?: string;
};

/** Sends the approval page of this node to a Slack channel, with the `token` of a `slack` resource. */
export async function requestInteractiveSlackApproval(given: SlackApproval): Promise<void> {
  const name = "requestInteractiveSlackApproval()";
  if (!jobVariable("FLOW_JOB_ID")) throw new Error(`${name} needs a workflow, whose run waits for the approval.`);
  if (given.defaultArgsJson || given.dynamicEnumsJson)
    throw new Error(`${name} does not set values of the form: return \`default_args\` and \`enums\` from the node.`);
  const { token, api_url } = await getResource(given.slackResourcePath);
  const { approvalPage } = await getResumeUrls(given.approver);
  const text = given.message ?? "A workflow waits for an approval.";
  const button = { type: "button", text: { type: "plain_text", text: "Decide" }, url: approvalPage };
  const blocks = [
    { type: "section", text: { type: "mrkdwn", text } },
    { type: "actions", elements: [button] },
  ];
  const response = await fetch(`${api_url ?? "https://slack.com/api"}/chat.postMessage`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ channel: given.channelId, text: `${text} ${approvalPage}`, blocks }),
  });
  const answer = (await response.json()) as { ok: boolean; error?: string };
  if (!answer.ok) throw new Error(`Slack refused the message: ${answer.error}.`);
}

/** Returns a token by which the system `audience` recognises the job; it is valid for `expiresIn` seconds. */
export async function getIdToken(audience: string, expiresIn?: number): Promise<string> {
  return call("POST", `oidc/token/${audience}`, { expires_in: expiresIn });
}

export async function usernameToEmail(username: string): Promise<string> {
  return call("GET", `users/username_to_email/${username}`);
}

export const base64ToUint8Array = (data: string): Uint8Array => Uint8Array.from(Buffer.from(data, "base64"));
export const uint8ArrayToBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
