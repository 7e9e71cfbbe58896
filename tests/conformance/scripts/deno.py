"""The cases of the table in TypeScript for Deno: those of Bun, with Deno's names where they differ."""

from __future__ import annotations

from tests.conformance.scripts import bun

SCRIPTS = bun.SCRIPTS | {
    "exit": """
export function main() {
  Deno.exit(3);
}
""",
    "not utf-8": r"""
export function main() {
  Deno.stdout.writeSync(new Uint8Array([0x61, 0xff, 0xfe, 0x62, 0, 0x63, 0x0a]));
  return 1;
}
""",
    "stdin": """
export async function main() {
  return await new Response(Deno.stdin.readable).text();
}
""",
}
