"""The cases of the table in TypeScript."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
export function main(a: string, b: string, c: string = "third") {
  return [a, b, c];
}
""",
    "unicode names": """
export const main = (größe: number, имя: string) => [größe, имя];
""",
    "structured": """
export async function main(x: { list: unknown[] }) {
  return x;
}
""",
    "string": """
export function main() {
  return "15";
}
""",
    "nothing": """
export function main() {}
""",
    "error": """
function inner(): never {
  throw new RangeError("no good");
}

export async function main() {
  await null;
  inner();
}
""",
    "missing main": """
export function other() {}
""",
    "syntax": """
export function main() {
  const x = ;
}
""",
    "order": """
export function main() {
  for (let i = 0; i < 500; i++) {
    console.log("out", i);
    console.error("err", i);
  }
}
""",
    "unicode": """
export function main(x: string) {
  console.log(x);
  return x;
}
""",
    "large": """
export function main(x: string) {
  return x + x;
}
""",
    "forever": """
export function main() {
  console.log("begun");
  while (true) {}
}
""",
    "exit": """
export function main() {
  process.exit(3);
}
""",
    "environment": """
export function main() {
  return process.env.OV_JOB_ID;
}
""",
    "whole environment": """
export function main() {
  return Object.keys(process.env).sort();
}
""",
    "live": """
export async function main() {
  console.log("first");
  await new Promise((done) => setTimeout(done, 60_000));
}
""",
    "not utf-8": r"""
export function main() {
  process.stdout.write(Buffer.from("61fffe620063 0a".replace(" ", ""), "hex"));
  return 1;
}
""",
    "stdin": """
export async function main() {
  return await Bun.stdin.text();
}
""",
    "folder": """
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

export function main() {
  writeFileSync("f", "x");
  rmSync(mkdtempSync(`${tmpdir()}/t`), { recursive: true });
  return readdirSync(".").sort()[0];
}
""",
    "named streams": r"""
import { appendFileSync } from "node:fs";

export function main() {
  appendFileSync("/dev/stderr", "err\n");
  appendFileSync("/dev/stdout", "out\n");
}
""",
    "child": """
import { spawnSync } from "node:child_process";

export function main() {
  console.log("before");
  spawnSync("sh", ["-c", "echo within"], { stdio: "inherit" });
  console.log("after");
}
""",
    "left behind": """
import { spawn } from "node:child_process";

export function main(mark: string) {
  spawn("sleep", ["1000", mark], { stdio: "inherit", detached: true }).unref();
}
""",
}
