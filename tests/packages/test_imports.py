"""Imports between scripts, from the deployment to the run at the strongest isolation level."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.packages.importing import Catalog
from tests.packages.indexes import Index, npm, wheel

from orvanta_platform.db import imports as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.worker import imports as worker_imports
from orvanta_platform.worker.loop import Worker


@pytest.fixture
async def catalog(api: ApiHarness, working: Worker) -> AsyncIterator[Catalog]:
    """Yield scripts of a workspace with a worker that runs them."""
    for name in ("lib", "app"):
        await api.client.post(f"{W}/folders/create", json={"name": name, "owners": []})
    running = asyncio.create_task(working.run())
    yield Catalog(api, working)
    working.drain()
    await running


async def test_run_executes_imports_pinned_at_deploy(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/base", "ONE = 1")
    await catalog.deploy("f/lib/numbers", "from f.lib.base import ONE\ndef two(): return ONE + 1")
    main = "from f.lib.numbers import two\nimport f.lib.base as base\ndef main(): return [two(), base.ONE]"
    first = await catalog.deploy("f/app/main", main)
    assert await catalog.result("f/app/main") == [2, 1]
    await catalog.deploy("f/lib/base", "ONE = 10")
    assert await catalog.result("f/app/main") == [2, 1], "a version keeps the imports of its deployment"
    second = await catalog.deploy("f/app/main", main)
    assert second != first
    assert await catalog.result("f/app/main") == [11, 10], "the next deployment takes the newest versions"
    assert await catalog.deploy("f/app/main", main) == second
    assert await catalog.result_of_version(first) == [2, 1]


async def test_every_form_of_import_in_python(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 'a'")
    await catalog.deploy("f/lib/deep/b", "from ..a import A\nfrom f.lib import a\nB = A + a.A + 'b'")
    await catalog.deploy("u/admin/c", "import f.lib.deep.b\nC = f.lib.deep.b.B + 'c'")
    await catalog.deploy("f/app/e", "from ..lib.a import *\nE = A + 'e'")
    main = (
        "from . import e\nfrom .e import E\nfrom ..lib.deep.b import B as inner\nimport u.admin.c as c\n"
        "def main():\n    from f.lib.a import A\n    return [e.E, E, inner, c.C, A]"
    )
    await catalog.deploy("f/app/main", main)
    expected = ["ae", "ae", "aab", "aabc", "a"]
    assert await catalog.result("f/app/main") == expected
    assert await catalog.preview(main, path="f/app/new") == expected


async def test_every_form_of_import_in_typescript(catalog: Catalog) -> None:
    deploy = catalog.deploy
    await deploy("f/lib/a", "export const a: string = 'a';", "bun")
    await deploy("f/lib/deep/b", 'import { a } from "../a.ts"; export const b = a + "b";', "bun")
    await deploy("u/admin/c", 'import { b } from "/f/lib/deep/b"; export const c = b + "c";', "nativets")
    await deploy("f/app/e", 'import { a } from "/f/lib/a.js"; export const e = a + "e";', "deno")
    main = (
        'import { e } from "./e"; import { e as again } from "./e.ts"; import { b } from "../lib/deep/b";\n'
        'import { c } from "/u/admin/c.ts"; import type { Never } from "./never";\n'
        'export async function main() {\n  const { a } = await import("/f/lib/a");\n'
        "  return [e, again, b, c, a];\n}"
    )
    await deploy("f/app/main", main, "bun")
    expected = ["ae", "ae", "ab", "abc", "a"]
    assert await catalog.result("f/app/main") == expected
    assert await catalog.preview(main, "bun", "f/app/new") == expected
    absolute = 'import { c } from "/u/admin/c"; export const main = () => c;'
    assert await catalog.preview(absolute, "bun") == "abc"


async def test_error_in_import_is_shown_with_its_path(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/bad", "def fail():\n    raise ValueError('no')")
    error = await catalog.preview("from f.lib.bad import fail\ndef main(): fail()")
    assert error["error"]["name"] == "ValueError" and 'File "f/lib/bad.py", line 2, in fail' in error["error"]["stack"]
    await catalog.deploy("f/lib/worse", "export const fail = () => {\n  throw new RangeError('no') }", "bun")
    code = 'import { fail } from "./worse"; export function main() { fail() }'
    error = await catalog.preview(code, "bun", "f/lib/new")
    assert error["error"]["name"] == "RangeError"
    assert "f/lib/worse.ts:2:" in error["error"]["stack"] and "at main (f/lib/new.ts:1:" in error["error"]["stack"]
    assert "/imports" not in error["error"]["stack"] and "/tmp" not in error["error"]["stack"]


async def test_imported_scripts_are_compiled_in_a_cell_before_the_job(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    await catalog.deploy("f/lib/broken", "def (:")
    main = (
        "import marshal, pathlib\nimport f.lib.a as a\ntry:\n    import f.lib.broken\n"
        "except SyntaxError as error:\n    line = error.lineno\n"
        "code = marshal.loads(pathlib.Path(a.__cached__).read_bytes()[16:])\n"
        "def main(): return [code.co_filename, line]"
    )
    assert await catalog.preview(main) == ["/output/tree/f/lib/a.py", 1], "the compiler saw only its output folder"


async def test_run_works_without_bytecode_if_compiling_fails(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_imports, "COMPILER", "missing compiler")
    await catalog.deploy("f/lib/a", "A = 1")
    main = "import os\nimport f.lib.a as a\ndef main(): return [os.path.exists(a.__cached__), a.A]"
    assert await catalog.preview(main) == [False, 1]


async def test_preview_uses_drafts_of_the_caller(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 'deployed'")
    main = "from f.lib.a import A\ndef main(): return A"
    assert await catalog.preview(main) == "deployed"
    await catalog.draft("f/lib/a", "from f.lib.b import A")
    await catalog.draft("f/lib/b", "A = 'draft'")
    assert await catalog.preview(main) == "draft"
    await catalog.deploy("f/app/main", main)
    assert await catalog.result("f/app/main") == "deployed"
    (fault,) = (await catalog.refused_preview("x = 1\nfrom .a import A"))["details"]["diagnostics"]
    assert (fault["code"], fault["file"], fault["line"], fault["column"]) == ("import_not_found", "", 2, 1)


async def test_inline_scripts_of_workflow_import(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/a", "A = 1")
    content = "from f.lib.a import A\nfrom ..b import B\ndef main(): return A + B"
    node = {"id": "add", "value": {"type": "rawscript", "language": "python3", "content": content}}
    loop = {
        "type": "forloopflow",
        "iterator": {"type": "static", "value": [1, 2]},
        "skip_failures": False,
        "modules": [node],
    }
    value = {"modules": [{"id": "each", "value": loop}]}
    (fault,) = await catalog.refuse_flow("f/app/flow", value)
    assert (fault["code"], fault["node"]) == ("import_not_found", "add")
    assert fault["path"] == "/value/modules/0/value/modules/0/value/content"
    answer = await catalog.api.client.post(f"{W}/flows/validate", json={"path": "f/app/flow", "value": value})
    assert [each["code"] for each in answer.json()["diagnostics"]] == ["import_not_found"]
    await catalog.deploy("f/app/b", "B = 10")
    await catalog.deploy_flow("f/app/flow", value)
    await catalog.deploy("f/app/b", "B = 20")
    assert await catalog.flow_result("f/app/flow") == [11, 11]
    outer = {"modules": [{"id": "call", "value": {"type": "flow", "path": "f/app/flow", "input_transforms": {}}}]}
    await catalog.deploy_flow("f/app/outer", outer)
    assert await catalog.flow_result("f/app/outer") == [11, 11]
    assert await catalog.flow_preview(value, "f/app/flow") == [21, 21]
    await catalog.deploy("f/app/script", "from .b import B\ndef main(): return B")
    called = {"modules": [{"id": "run", "value": {"type": "script", "path": "f/app/script", "input_transforms": {}}}]}
    await catalog.deploy("f/app/b", "B = 30")
    assert await catalog.flow_preview(called) == 20
    failing = {"type": "rawscript", "language": "python3", "content": "def main(): raise ValueError"}
    handled = {"modules": [{"id": "a", "value": failing}], "failure_module": {"value": node["value"]}}
    assert await catalog.flow_preview(handled, "f/app/flow") == 31


async def test_dedicated_processes_and_caches_belong_to_one_closure(catalog: Catalog) -> None:
    main = "from f.lib.a import A\nimport uuid\nID = uuid.uuid4().hex\ndef main(): return [A, ID]"
    await catalog.deploy("f/lib/a", "A = 1")
    settings: dict[str, Any] = {"dedicated_worker": True}
    await catalog.deploy("f/app/main", main, **settings)
    first = await catalog.result("f/app/main")
    assert first[0] == 1 and first == await catalog.result("f/app/main"), "the process is reused"
    await catalog.deploy("f/lib/a", "A = 2")
    await catalog.deploy("f/app/main", main, **settings)
    second = await catalog.result("f/app/main")
    assert second[0] == 2 and second[1] != first[1]
    cached = "from f.lib.a import A\nimport uuid\ndef main(): return [A, uuid.uuid4().hex]"
    node = {"id": "add", "cache_ttl": 600, "value": {"type": "rawscript", "language": "python3", "content": cached}}
    before = await catalog.flow_preview({"modules": [node]}, "f/app/flow")
    assert before == await catalog.flow_preview({"modules": [node]}, "f/app/flow")
    await catalog.deploy("f/lib/a", "A = 3")
    assert (await catalog.flow_preview({"modules": [node]}, "f/app/flow"))[0] == 3


async def test_packages_of_all_scripts_are_locked_together(catalog: Catalog, index: Index) -> None:
    for name, version in (("greeting", "1.0"), ("greeting", "2.0"), ("parting", "1.0")):
        index.publish(name, *wheel(name, version, {f"{name}.py": f"WORD = '{name} {version}'\n"}))
    await catalog.deploy("f/lib/b", "import parting\nB = parting.WORD")
    older = "# extra_requirements:\n# greeting<2\n"
    await catalog.deploy("f/lib/a", f"{older}import greeting\nfrom .b import B\nA = greeting.WORD")
    main = "from f.lib.a import A, B\nimport greeting\ndef main(): return [A, B, greeting.WORD]"
    digest = await catalog.deploy("f/app/main", main)
    lock = await catalog.locked(digest)
    assert "greeting==1.0" in lock and "parting==1.0" in lock
    assert await catalog.result("f/app/main") == ["greeting 1.0", "parting 1.0", "greeting 1.0"]
    assert await catalog.preview(main) == ["greeting 1.0", "parting 1.0", "greeting 1.0"]
    node = {"id": "one", "value": {"type": "rawscript", "language": "python3", "content": main}}
    await catalog.deploy_flow("f/app/flow", {"modules": [node]})
    assert await catalog.flow_result("f/app/flow") == ["greeting 1.0", "parting 1.0", "greeting 1.0"]


async def test_npm_packages_of_all_scripts_are_locked_together(catalog: Catalog, index: Index) -> None:
    for name, version in (("greeting", "1.0.0"), ("greeting", "2.0.0"), ("parting", "1.0.0")):
        index.publish_npm(name, version, npm(name, version, f"exports.word = '{name} {version}'"))
    await catalog.deploy("f/lib/a", 'import { word } from "greeting@1.0.0"; export const a = word;', "bun")
    main = 'import { a } from "../lib/a"; import { word } from "parting"; export const main = () => [a, word];'
    await catalog.deploy("f/app/main", main, "bun")
    assert await catalog.result("f/app/main") == ["greeting 1.0.0", "parting 1.0.0"]
    other = 'import { a } from "../lib/a"; import { word } from "greeting@2.0.0"; export const main = () => [a, word];'
    answer = await catalog.refusal("f/app/other", other, "bun")
    assert answer["code"] == "invalid_script" and "greeting as 1.0.0" in answer["message"]


async def test_long_chain_is_resolved_with_few_queries(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of queries does not depend on the length of the chain."""
    last = 12
    for number in range(last, -1, -1):
        content = f"from f.lib.n{number + 1} import depth as inner\ndef depth(): return 1"
        await catalog.deploy(f"f/lib/n{number}", "def depth(): return 1" if number == last else content)
    lookups: list[int] = []
    find = rows.find_importable

    async def counted(conn: Connection, workspace: str, paths: Sequence[str], view: str | None) -> Any:
        lookups.append(len(paths))
        return await find(conn, workspace, paths, view)

    monkeypatch.setattr(rows, "find_importable", counted)
    await catalog.deploy("f/app/main", "from f.lib.n0 import depth\ndef main(): return depth()")
    assert len(lookups) <= 3, lookups


@pytest.mark.extended
async def test_chain_of_scripts_is_imported(catalog: Catalog) -> None:
    """The chain needs a deeper stack than Python's default recursion limit, which jobs still have."""
    last = 200
    for number in range(last, -1, -1):
        content = f"from f.lib.n{number + 1} import depth as inner\ndef depth(): return inner() + 1"
        await catalog.deploy(f"f/lib/n{number}", "def depth(): return 1" if number == last else content)
    main = "import sys\nfrom f.lib.n0 import depth\ndef main(): return [depth(), sys.getrecursionlimit()]"
    await catalog.deploy("f/app/main", main)
    assert await catalog.result("f/app/main") == [last + 1, 1000]
