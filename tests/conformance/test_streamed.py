"""Streams of jobs: in every language by printed lines, as by the published clients; in two by values of `main`."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from tests.worker.jobs import Collected, run, run_spec, spec, still_works

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

PRINTED = {
    "python3": r"""
def main():
    print('before')
    print('OV_STREAM: one\\ntwo')
    print('WM_STREAM:  three')
    print('no OV_STREAM: four')
    return 5
""",
    "bash": r"""
echo before
echo 'OV_STREAM: one\ntwo'
echo 'WM_STREAM:  three' >&2
echo 'no OV_STREAM: four'
echo 5 > result.json
echo 'OV_STREAM: ' >&2
""",
    "bun": r"""
export function main() {
  console.log("before");
  console.log("OV_STREAM: one\\ntwo");
  console.log("WM_STREAM:  three");
  console.log("no OV_STREAM: four");
  return 5;
}
""",
    "php": r"""<?php
function main() {
    echo "before\n";
    echo 'OV_STREAM: one\ntwo', "\n";
    echo "WM_STREAM:  three\n";
    echo "no OV_STREAM: four\n";
    return 5;
}
""",
    "go": r"""
package inner

import "fmt"

func main() (int, error) {
	fmt.Println("before")
	fmt.Println(`OV_STREAM: one\ntwo`)
	fmt.Println("WM_STREAM:  three")
	fmt.Println("no OV_STREAM: four")
	return 5, nil
}
""",
    "ruby": r"""
def main
  puts "before"
  puts 'OV_STREAM: one\ntwo'
  puts "WM_STREAM:  three"
  puts "no OV_STREAM: four"
  5
end
""",
}

YIELDED = {
    "python3": r"""
def main(kind):
    print('begun', end='')
    return {'plain': plain, 'awaited': awaited}[kind]()

def plain():
    yield 'one\n'
    yield 'tw\\o\\n'
    print(' and ended')
    yield {'a': [1, None]}
    yield '\0žluť🐈' * 2000

async def awaited():
    for text in plain():
        yield text
""",
    "bun": r"""
export function main(kind: string) {
  process.stdout.write("begun");
  return { plain, awaited, stream: () => new ReadableStream({ start }) }[kind]();
}

function* plain() {
  yield "one\n";
  yield "tw\\o\\n";
  process.stdout.write(" and ended\n");
  yield { a: [1, null] };
  yield "\0žluť🐈".repeat(2000);
}

async function* awaited() {
  for (const text of plain()) yield text;
}

async function start(controller: any) {
  const bytes = new TextEncoder().encode("one\ntw\\o\\n{\"a\":[1,null]}" + "\0žluť🐈".repeat(2000));
  process.stdout.write(" and ended\n");
  for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
  controller.close();
}
""",
}
KINDS = [(language, kind) for language in YIELDED for kind in ("plain", "awaited")] + [("bun", "stream")]

ENDLESS = {
    "python3": "def main():\n    while True:\n        yield 'x' * 1000\n",
    "bun": "export function* main() {\n  while (true) yield 'x'.repeat(1000);\n}\n",
}
FAILING = {
    "python3": "def main():\n    yield 'one'\n    raise ValueError('no good')\n",
    "bun": "export async function* main() {\n  yield 'one';\n  throw new Error('no good');\n}\n",
}
NOTHING = {
    "python3": "async def main():\n    return (text for text in ['', ''])\n",
    "bun": "export function main() {\n  return ['', ''].values();\n}\n",
}
NOT_JSON = {
    "python3": "def main():\n    yield 'one'\n    yield object()\n",
    "bun": "export function* main() {\n  yield 'one';\n  yield new Map();\n}\n",
}


def needs(language: str) -> None:
    missing = BY_LANGUAGE[language].missing()
    if missing is not None:
        pytest.skip(missing)


@pytest.fixture(params=PRINTED)
def printing(request: pytest.FixtureRequest) -> str:
    """Return a language with printed streams."""
    language: str = request.param
    needs(language)
    if language == "go":
        request.getfixturevalue("warm_runtimes")
    return language


async def test_marked_lines_are_stream_and_no_log(runtimes: Runtimes, printing: str) -> None:
    ran = await run(runtimes, printing, PRINTED[printing].lstrip("\n"))
    assert ran.value == 5
    assert ran.log == "before\nno OV_STREAM: four\n"
    assert ran.streamed == "one\ntwo three"


async def test_bash_result_is_last_line_outside_stream(runtimes: Runtimes) -> None:
    ran = await run(runtimes, "bash", "echo first; echo last; echo 'OV_STREAM: text'")
    assert (ran.value, ran.log, ran.streamed) == ("last", "first\nlast\n", "text")
    assert (await run(runtimes, "bash", "printf 'OV_STREAM: text'")).value is None


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "dedicated"])
@pytest.mark.parametrize(("language", "kind"), KINDS)
async def test_yielded_values_are_streamed(runtimes: Runtimes, language: str, kind: str, kept: bool) -> None:
    needs(language)
    what = replace(spec(language, YIELDED[language], {"kind": kind}), dedicated=kept)
    for _ in range(2):
        ran = await run_spec(runtimes, what)
        assert ran.value is None
        assert ran.streamed == 'one\ntw\\o\\n{"a":[1,null]}' + "\0žluť🐈" * 2000
        assert ran.log == "begun and ended\n"


@pytest.mark.parametrize("language", YIELDED)
async def test_stream_arrives_while_job_runs(runtimes: Runtimes, language: str) -> None:
    needs(language)
    content = {
        "python3": "import time\ndef main():\n    yield 'first'\n    time.sleep(60)\n",
        "bun": "export async function* main() {\n  yield 'first';\n  await Bun.sleep(60000);\n}\n",
    }[language]
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec(language, content), log, cancelled))
    await log.arrived.wait()
    assert log.streamed == ["first"]
    assert not running.done()
    cancelled.set()
    await running


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "dedicated"])
@pytest.mark.parametrize("language", ENDLESS)
async def test_more_than_a_result_may_have_ends_the_job(runtimes: Runtimes, language: str, kept: bool) -> None:
    needs(language)
    ran = await run_spec(runtimes, replace(spec(language, ENDLESS[language], result_bytes=10_000), dedicated=kept))
    assert ran.error == ("result_too_large", "the streamed text is larger than the limit of 9.766 KiB")
    assert ran.outcome.stopped_by == "result"
    assert ran.streamed == "x" * 10_000
    await still_works(runtimes)


@pytest.mark.parametrize("language", FAILING)
async def test_error_preserves_earlier_stream(runtimes: Runtimes, language: str) -> None:
    needs(language)
    ran = await run(runtimes, language, FAILING[language])
    assert (ran.error[1], ran.streamed) == ("no good", "one")
    stack = ran.outcome.error.stack if ran.outcome.error else None
    assert stack is not None and "main" in stack and "host" not in stack


@pytest.mark.parametrize("language", NOTHING)
async def test_empty_stream_is_empty_text(runtimes: Runtimes, language: str) -> None:
    needs(language)
    ran = await run(runtimes, language, NOTHING[language])
    assert (ran.value, ran.streamed) == ("", "")


@pytest.mark.parametrize("language", NOT_JSON)
async def test_stream_of_non_json_value_fails(runtimes: Runtimes, language: str) -> None:
    needs(language)
    ran = await run(runtimes, language, NOT_JSON[language])
    assert (ran.error[0], ran.streamed) == ("ResultNotJson", "one")


async def test_collections_are_values(runtimes: Runtimes) -> None:
    needs("bun")
    assert (await run(runtimes, "bun", "export const main = () => ['a', 'b'];\n")).value == ["a", "b"]
    assert (await run(runtimes, "python3", "def main():\n    return ['a', 'b']\n")).value == ["a", "b"]
