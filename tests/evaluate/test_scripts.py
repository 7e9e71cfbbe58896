"""Scripts parsed in a child process: the results equal those of this process, and no script blocks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from orvanta_platform.errors import InvalidScript
from orvanta_platform.evaluate import process
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.process import EvaluatorUnavailable
from orvanta_platform.evaluate.scripts import CodeTooComplex, Script, Scripts
from orvanta_platform.workflow.requirements import may_need, requirements_of
from orvanta_platform.workflow.signature.fault import fault_of
from orvanta_platform.workflow.signature.schema import schema_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPTS = [
    Script("python3", "import os, yaml\ndef main(a: int, b: list[str] | None = None, c='é'):\n    return a\n"),
    Script("python3", "# -*- coding: latin-1 -*-\nimport numpy as np\n"),
    Script("python3", "def main(:\n"),
    Script("python3", "x = '\ud800'\nimport requests\n"),
    Script("python3", "# requirements:\n# requests[socks]>=2,<3\ndef main(): ...\n"),
    Script("bun", 'import _ from "lodash@^4";\nexport async function main(a: RT.Pg, b?: "x" | 1, c = {d: [1]}) {}\n'),
    Script("deno", 'export const main = async (a: { b: string }[]) => (await import("zod")).default\n'),
    Script("bun", 'export * from "@scope/name@1.2/deep"\n'),
    Script("bash", 'name="$1"\ncount="${2:-3}"\n'),
    Script("go", "package inner\nfunc main(a string, b []int) (any, error) { return a, nil }\n"),
    Script("php", "<?php\nfunction main(string $a, ?int $b = 3) {}\n"),
    Script("ruby", "def main(a, b = 1, c:)\nend\n"),
    Script("postgresql", "-- $1 a (int) = 3\nselect $1\n"),
    Script("duckdb", "-- $a (text) = 'x'\nselect $a\n"),
    Script("graphql", "query ($a: Int = 3) { a }"),
    Script("mysql", "-- ? a (int) = 3\nselect ?"),
]
HOSTILE = [
    pytest.param(Script("bun", "!}" * 4096), id="errors"),
    pytest.param(Script("bun", "export function main(" + "/*\"'" * 100_000), id="quotes"),
    pytest.param(Script("bun", "class a{" + "type <}" * 5_000), id="types"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripts() -> AsyncIterator[Scripts]:
    evaluator = Evaluator()
    yield evaluator.scripts
    await evaluator.close()


@pytest.mark.parametrize("script", SCRIPTS)
async def test_child_gives_the_same_result_as_this_process(scripts: Scripts, script: Script) -> None:
    found = await scripts.signature("main", script)
    text = script.content.encode("utf-8", "replace").decode()
    assert (found.schema, found.fault) == (schema_of(script.language, text), fault_of(script.language, text))
    assert await scripts.requirements("main", [script]) == [requirements_of(script.language, text)]


async def test_many_scripts_are_read_together(scripts: Scripts) -> None:
    found = await scripts.requirements("main", [*SCRIPTS, *SCRIPTS])
    expected = [requirements_of(each.language, each.content.encode("utf-8", "replace").decode()) for each in SCRIPTS]
    assert found == expected * 2 and any(expected)
    assert await scripts.requirements("main", []) == []


async def test_invalid_requirement_is_reported_for_its_script(scripts: Scripts) -> None:
    good = Script("bun", 'import "lodash@4"')
    first, second = await scripts.requirements("main", [Script("bun", 'import "x@1"; import "x@2"'), good])
    assert isinstance(first, InvalidScript) and first.message == "The script imports x as 1 and as 2." and first.hint
    assert second == requirements_of("bun", good.content)


@pytest.mark.parametrize("script", HOSTILE)
async def test_script_over_the_time_limit_is_rejected(scripts: Scripts, script: Script) -> None:
    with pytest.raises(CodeTooComplex, match="limit of time") as caught:
        await scripts.signature("main", script)
    assert (caught.value.code, caught.value.status) == ("code_too_complex", 400) and caught.value.hint
    assert (await scripts.signature("main", SCRIPTS[0])).schema is not None


async def test_scripts_without_import_words_need_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PYTHON", "/nowhere/python")
    evaluator = Evaluator()
    plain = [Script("python3", "def main(a):\n    return a\n"), Script("bun", "export function main() {}"), SCRIPTS[8]]
    assert await evaluator.scripts.requirements("main", plain) == [None, None, None]
    with pytest.raises(EvaluatorUnavailable):
        await evaluator.scripts.requirements("main", SCRIPTS)
    await evaluator.close()
    assert all(may_need(each.language, each.content) for each in SCRIPTS if _needs(each))


async def test_another_workspace_does_not_wait_for_slow_scripts() -> None:
    evaluator = Evaluator()
    scripts = evaluator.scripts
    attacks = [asyncio.create_task(scripts.signature("a", Script("bun", "!}" * 4096))) for _ in range(8)]
    await asyncio.sleep(0)
    assert (await scripts.signature("b", SCRIPTS[0])).schema is not None
    assert sum(task.done() for task in attacks) <= 1
    for task in attacks:
        task.cancel()
    await asyncio.gather(*attacks, return_exceptions=True)
    await evaluator.close()


def _needs(script: Script) -> bool:
    return requirements_of(script.language, script.content.encode("utf-8", "replace").decode()) is not None
