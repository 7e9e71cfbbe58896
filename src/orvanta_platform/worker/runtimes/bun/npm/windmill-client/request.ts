// HTTP requests to the platform's API with the token of the job.

import { SERVED, SERVICES } from "./services.ts";

let ownToken: string | undefined;

export const OpenAPI = {
  BASE: `${process.env.BASE_INTERNAL_URL ?? process.env.WM_BASE_URL ?? "http://localhost:8000"}/api`,
  /** The token that was set, otherwise that of the current job: a dedicated process runs many. */
  get TOKEN(): string | undefined {
    return ownToken ?? process.env.WM_TOKEN ?? process.env.OV_TOKEN;
  },
  set TOKEN(token: string | undefined) {
    ownToken = token;
  },
  WITH_CREDENTIALS: false,
};

/** Refusal of a request. */
export class ApiError extends Error {
  constructor(
    readonly url: string,
    readonly status: number,
    readonly statusText: string,
    readonly body: unknown,
  ) {
    super(`${url}: ${status}, ${typeof body === "string" ? body : JSON.stringify(body)}`);
    this.name = "ApiError";
  }
}

/** Error of functions that the platform does not serve. */
export class NotServed extends Error {
  constructor(name: string, reason: string) {
    super(`${name}() is not available on this platform: ${reason}.`);
    this.name = "NotServed";
  }
}

export function getWorkspace(): string {
  return process.env.WM_WORKSPACE ?? process.env.OV_WORKSPACE ?? "no_workspace";
}

export type Query = Record<string, unknown>;

/** Returns the response to a request, or throws ApiError. A path without a slash at its start is one of a workspace. */
export async function send(
  method: string,
  path: string,
  query: Query = {},
  body?: unknown,
  workspace = getWorkspace(),
): Promise<Response> {
  const place = path.startsWith("/") ? path : `/w/${workspace}/${path}`;
  const url = new URL(`${OpenAPI.BASE}${place.split("/").map(encodeURIComponent).join("/")}`);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
  const binary = body instanceof Blob || body instanceof Uint8Array || body instanceof ArrayBuffer;
  const headers: Record<string, string> = { Authorization: `Bearer ${OpenAPI.TOKEN}` };
  const init: RequestInit = { method, headers };
  if (body !== undefined) {
    headers["Content-Type"] = binary ? "application/octet-stream" : "application/json";
    init.body = binary ? (body as Blob) : JSON.stringify(body);
  }
  const response = await fetch(url, { ...init, timeout: false } as RequestInit);
  if (!response.ok) throw new ApiError(String(url), response.status, response.statusText, await content(response));
  return response;
}

/** Returns the body of a response: parsed if it is JSON, bytes if it is not text. */
async function content(response: Response): Promise<any> {
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("json")) return response.json();
  return type.startsWith("text/") ? response.text() : response.blob();
}

/** Sends a request and returns the content of the response. */
export async function call(method: string, path: string, query?: Query, body?: unknown): Promise<any> {
  return content(await send(method, path, query, body));
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Sends the request of a service's function: its arguments are parameters of the path, of the query, and the body. */
async function callService(operation: string, given: Record<string, any> = {}): Promise<any> {
  const { workspace, requestBody, ...rest } = given;
  const query: Query = Object.fromEntries(Object.entries(rest).map(([name, value]) => [snake(name), value]));
  const [method, template] = operation.split(" ") as [string, string];
  const path = template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = query[snake(name)];
    delete query[snake(name)];
    return String(value);
  });
  return content(await send(method, path, query, requestBody, workspace ?? getWorkspace()));
}

/** Returns an object with the functions of a service. */
function service(name: string): any {
  return new Proxy(SERVED[name] ?? {}, {
    get(operations, member) {
      if (typeof member !== "string" || member === "then") return undefined;
      const operation = operations[member];
      return async (given?: Record<string, any>) => {
        if (!operation) throw new NotServed(`${name}.${member}`, "the API has no such call");
        return callService(operation, given);
      };
    },
  });
}

export const services = Object.fromEntries(SERVICES.map((name) => [name, service(name)])) as Record<
  (typeof SERVICES)[number],
  any
>;
