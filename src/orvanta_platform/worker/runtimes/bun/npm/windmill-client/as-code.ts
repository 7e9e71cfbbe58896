// Workflows written as code, executed in the job of their script: a task is a call of its function. Options of tasks have
// no effect, and nothing is checkpointed: a retried job starts at the beginning.

import { runFlow, runScriptByPath } from "./client.ts";

type Called = (...args: any[]) => any;

/** Marks an async function as the entry point of a workflow. */
export function workflow<T extends Called>(fn: T): T {
  return fn;
}

/** Makes a task of a function, which may follow a path. Its result is what JSON preserves of it. */
export function task(fnOrPath: Called | string, maybeFn?: Called | object, _options?: object): Called {
  const called = typeof fnOrPath === "function" ? fnOrPath : maybeFn;
  if (typeof called !== "function") throw new TypeError("task() needs a function.");
  return async (...args) => fromJson(await (called as Called)(...args));
}

/** Makes a task that runs a script of the workspace with its arguments. */
export function taskScript(path: string, _options?: object): Called {
  return (args = {}) => runScriptByPath(path, args);
}

/** Makes a task that runs a workflow of the workspace with its arguments. */
export function taskFlow(path: string, _options?: object): Called {
  return (args = {}) => runFlow(path, args);
}

/** Calls `fn` and returns what JSON preserves of its result. */
export async function step(_name: string, fn: () => any): Promise<any> {
  return fromJson(await fn());
}

/** Waits, in the job of the script. */
export function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Calls `fn` with each item, at most `concurrency` at a time; returns the results in the order of the items. */
export async function parallel<T>(
  items: T[],
  fn: (item: T) => any,
  { concurrency }: { concurrency?: number } = {},
): Promise<any[]> {
  const size = concurrency || items.length || 1;
  const results: any[] = [];
  for (let start = 0; start < items.length; start += size)
    results.push(...(await Promise.all(items.slice(start, start + size).map((item) => fn(item)))));
  return results;
}

function fromJson(value: unknown): any {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value) ?? "null");
}
