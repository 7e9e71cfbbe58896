"""Features of TypeScript outside of the table: reused processes, packages, exits, results that are not JSON."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from msgspec.structs import replace
from tests.worker.jobs import Ran, run, run_spec, spec

from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

pytestmark = pytest.mark.skipif(BY_LANGUAGE["bun"].missing() is not None, reason=str(BY_LANGUAGE["bun"].missing()))

COUNT = """
let count = 0;
export async function main(x: unknown, how: string = "") {
  console.log(`job ${++count}`);
  if (how === "throw") throw new Error("no good");
  if (how === "exit") process.exit(3);
  const seen = [process.env.OV_JOB_ID, process.env.LEFT ?? null, process.env.OV_ONCE ?? null];
  process.env.LEFT = "behind";
  process.chdir("/");
  return [count, seen, x];
}
"""


async def dedicated(runtimes: Runtimes, args: dict[str, Any], **env: str) -> Ran:
    return await run_spec(runtimes, replace(spec("bun", COUNT, args, env=env), dedicated=True))


async def test_reused_process_runs_consecutive_jobs(fresh_runtimes: Runtimes) -> None:
    first = await dedicated(fresh_runtimes, {"x": 1}, OV_JOB_ID="a", OV_ONCE="once")
    assert (first.value, first.log) == ([1, ["a", None, "once"], 1], "job 1\n")
    second = await dedicated(fresh_runtimes, {"x": "ž" * 300_000}, OV_JOB_ID="b")
    assert (second.value, second.log) == ([2, ["b", None, None], "ž" * 300_000], "job 2\n")
    assert (await dedicated(fresh_runtimes, {"how": "throw"}, OV_JOB_ID="c")).error == ("Error", "no good")
    assert (await dedicated(fresh_runtimes, {}, OV_JOB_ID="d")).value == [4, ["d", None, None], None]


async def test_ended_reusable_process_is_replaced(fresh_runtimes: Runtimes) -> None:
    assert (await dedicated(fresh_runtimes, {})).value[0] == 1
    ended = await dedicated(fresh_runtimes, {"how": "exit"})
    assert ended.error == ("ExitCode", "the script ended with exit code 3")
    assert (await dedicated(fresh_runtimes, {})).value[0] == 1


async def test_packages_are_found_by_name_and_nothing_is_fetched(runtimes: Runtimes) -> None:
    folder = runtimes.packages / "admins" / "one" / "node_modules" / "greeting"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "greeting", "version": "1.0.0", "main": "index.js"}')
    (folder / "index.js").write_text('process.stdout.write("loaded\\n"); exports.hello = (x) => `hello ${x}`;')
    (folder.parent / "greeting@1.0.0").symlink_to("greeting")
    content = 'import {{ hello }} from "{}";\nexport const main = (x: string) => hello(x);'
    for name in ("greeting", "greeting@1.0.0", "npm:greeting", "npm:greeting@^1.0.0", "npm:greeting@1/index.js"):
        job = replace(spec("bun", content.format(name), {"x": "Ada"}), package="admins/one")
        ran = await run_spec(runtimes, job)
        assert (ran.value, ran.log) == ("hello Ada", "loaded\n")
    name, message = (await run(runtimes, "bun", content.format("greeting"))).error
    assert name == "ModuleNotFound"
    assert "greeting" in message


@pytest.mark.parametrize("language", ["bunnative", "nativets", "deno"])
async def test_its_other_names(runtimes: Runtimes, language: str) -> None:
    assert (await run(runtimes, language, "export const main = (x: number) => x + 1", {"x": 1})).value == 2
    if language == "deno" and shutil.which("deno", path=PATH) is None:
        name, message = (await run(runtimes, language, "export const main = () => Deno.cwd()")).error
        assert name == "no_runtime" and "deno is not installed" in message


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ("a, b = a + 1, c?: number", [1, 2, None]),
        ("{ a, b = [')', `,${',)'}`] }: any", [1, [")", ",,)"], None]),
        ("x: number, { a, ...b }: any, c = (p: any, q = ')') => 1", [1, {"b": None}, "function"]),
        ("...a: any[]", [[], None, None]),
    ],
)
async def test_arguments_by_the_names_in_the_signature(runtimes: Runtimes, parameters: str, wanted: list[Any]) -> None:
    given = {"a": 1} if wanted[1] != {"b": None} else {"a": 1, "b": None, "x": 0}
    shown = "[a, typeof b === 'undefined' ? null : b, typeof c === 'function' ? typeof c : c]"
    names = "" if "c" in parameters else "const c = undefined; "
    names += "" if "b" in parameters else "const b = undefined; "
    content = f"export function main({parameters}) {{ {names}return {shown}; }}"
    assert (await run(runtimes, "bun", content, given)).value == wanted


async def test_values_that_json_lacks(runtimes: Runtimes) -> None:
    content = (
        "export const main = () => ({ a: [1, NaN, -Infinity], b: 12345678901234567890n, c: undefined, f: () => 1 })"
    )
    for language in ("bun", "deno"):
        ran = await run(runtimes, language, content)
        assert ran.value == {"a": [1, None, None], "b": "12345678901234567890", "c": None}


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        ("return { n: NaN, m: new Set() }", "ResultNotJson", "result.m is of type Set"),
        ("const a: any = {}; a.b = [a]; return a", "ResultNotJson", "result.b[0] contains itself"),
        ("return { m: new Map() }", "ResultNotJson", "result.m is of type Map"),
        ("return () => 1", "ResultNotJson", "result is of type function"),
        ("return '\\ud800'", "ResultNotJson", "surrogate"),
        ("await new Promise(() => {})", "NeverSettled", "never comes"),
        ("Promise.reject(new Error('floating')); await Bun.sleep(10000)", "Error", "floating"),
        ("setTimeout(() => { throw new Error('late') }, 1); await Bun.sleep(10000)", "Error", "late"),
        ("throw 'plain'", "Error", "plain"),
        ("throw { code: 7 }", "Error", '{"code":7}'),
        ("process.kill(process.pid, 'SIGSEGV'); await Bun.sleep(10000)", "ExitCode", "SIGSEGV"),
    ],
)
async def test_ways_to_fail(runtimes: Runtimes, body: str, name: str, message: str) -> None:
    found = (await run(runtimes, "bun", f"export async function main() {{ {body} }}")).error
    assert found[0] == name
    assert message in found[1]


async def test_all_output_is_logged_before_job_end(runtimes: Runtimes) -> None:
    content = "export function main() { process.stdout.write('x'.repeat(3_000_000)); return null; }"
    for kept in (False, True, True):
        ran = await run_spec(runtimes, replace(spec("bun", content), dedicated=kept))
        assert (ran.value, len(ran.log)) == (None, 3_000_000)
    content = "export function main() { console.log('x'); process.exit(0); }"
    ran = await run(runtimes, "bun", content)
    assert (ran.value, ran.log) == (None, "x\n")


async def test_parameters_annotated_as_date_receive_dates(runtimes: Runtimes) -> None:
    content = """
export const main = async (at: Date, until: Date | null = null, text: string, inner: { at: Date }, from?: Date) =>
  [at.getUTCFullYear(), until instanceof Date, typeof text, typeof inner.at, from ?? null];
"""
    day = "2026-02-28"
    args = {"at": f"{day}T12:00:00Z", "until": day, "text": day, "inner": {"at": day}}
    assert (await run(runtimes, "bun", content, args)).value == [2026, True, "string", "string", None]
    for dedicated in (False, True):
        job = replace(
            spec("bun", "export function main(at?: Date) { return at; }", {"at": "soon"}), dedicated=dedicated
        )
        assert (await run_spec(runtimes, job)).value == "soon"


@pytest.mark.parametrize(
    "content",
    [
        "export async function main(/* a, ( b */ a: Date, // (\n b?: Date | null | undefined) { return RESULT; }",
        "const u = 'http://x/*';\nconst main = (a: null | Date, b: Date = new Date(0)) => RESULT;\nexport { main };",
        "function main(a: Date, b: Date) { return RESULT; }\nexport { main /* Date */ };",
        "/* export function main(a: string) */ // export function main(\nexport function main(a: Date, b: Date) "
        "{ return RESULT; }",
    ],
)
async def test_date_annotations_are_found(runtimes: Runtimes, content: str) -> None:
    day = "2026-02-28"
    ran = await run(
        runtimes, "bun", content.replace("RESULT", "[a, b].map((x) => x.getUTCDate?.())"), {"a": day, "b": day}
    )
    assert ran.value == [28, 28]
