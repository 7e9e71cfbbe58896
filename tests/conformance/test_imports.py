"""Imports of scripts in each language that supports them, at each isolation level."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.worker.jobs import Ran, run_spec, spec

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

FOLDER, PACKAGE = "admins/imports/some", "admins/packages/some"

FILES = {
    "python3": {
        "f/__init__.py": "",
        "f/lib/a.py": "from .b import B\nimport helper\nA = B + helper.WORD",
        "f/lib/b.py": "B = 'b'",
        "f/app/c.py": "from ..lib.a import A\nC = A + 'c'",
    },
    "bun": {
        "tsconfig.json": '{"compilerOptions":{"paths":{"/f/*":["./f/*"],"/u/*":["./u/*"]}}}',
        "f/lib/a.ts": 'import { B } from "./b"; import { WORD } from "helper"; export const A = B + WORD;',
        "f/lib/b.ts": "export const B = 'b';",
        "f/app/c.ts": 'import { A } from "/f/lib/a.ts"; export const C = A + "c";',
    },
}
PACKAGES = {
    "python3": {"helper.py": "WORD = 'h'"},
    "bun": {
        "node_modules/helper/package.json": '{"name": "helper", "main": "index.js"}',
        "node_modules/helper/index.js": "exports.WORD = 'h';",
    },
}
SCRIPTS = {
    "python3": (
        "from .c import C\nfrom ..lib.b import B\nfrom f.lib.a import A\nimport helper\n"
        "def main(): return [C, B, A, helper.WORD]"
    ),
    "bun": (
        'import { C } from "./c"; import { B } from "../lib/b.ts"; import { A } from "/f/lib/a"; '
        'import { WORD } from "helper"; export const main = () => [C, B, A, WORD];'
    ),
}


@pytest.fixture(params=FILES)
def language(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    if (missing := BY_LANGUAGE[value].missing()) is not None:
        pytest.skip(missing)
    return value


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


async def ran(runtimes: Runtimes, language: str, *, dedicated: bool = False) -> Ran:
    write(runtimes.packages / FOLDER, FILES[language])
    write(runtimes.packages / PACKAGE, PACKAGES[language])
    what = spec(language, SCRIPTS[language])
    return await run_spec(
        runtimes, replace(what, imports=FOLDER, path="f/app/main", package=PACKAGE, dedicated=dedicated)
    )


async def test_script_imports_scripts_and_packages(runtimes: Runtimes, language: str) -> None:
    assert (await ran(runtimes, language)).value == ["bhc", "b", "bh", "h"]
    assert (await ran(runtimes, language, dedicated=True)).value == ["bhc", "b", "bh", "h"]


async def test_script_without_imports_sees_none(runtimes: Runtimes, language: str) -> None:
    await ran(runtimes, language)
    error, _ = (await run_spec(runtimes, spec(language, SCRIPTS[language]))).error
    assert error in ("ImportError", "ModuleNotFoundError", "ModuleNotFound")


@pytest.mark.soak(minutes=1)
async def test_start_with_200_imports_is_measured(runtimes: Runtimes) -> None:
    """Print the time that a closure of 200 scripts adds to a job: with its files alone, and with all imported."""
    folder = "admins/imports/many"
    modules = {f"f/many/s{number}.py": f"X = {number}\n" for number in range(200)}
    write(runtimes.packages / folder, {"f/__init__.py": "", **modules})
    imports = "\n".join(f"    from f.many.s{number} import X as x{number}" for number in range(200))
    plain = spec("python3", f"def main(): return 1\ndef other():\n{imports}\n")
    shipped = replace(plain, imports=folder, path="f/many/main")
    executed = replace(shipped, content=f"def main():\n{imports}\n    return 1\n")
    seconds: dict[str, list[float]] = {"without": [], "with": [], "imported": []}
    for _ in range(40):
        for name, each in zip(seconds, (plain, shipped, executed), strict=True):
            started = time.perf_counter()
            assert (await run_spec(runtimes, each)).value == 1
            seconds[name].append(time.perf_counter() - started)
    for name, taken in seconds.items():
        print(f"{name}: least {min(taken) * 1e3:.1f} ms, median {statistics.median(taken) * 1e3:.1f} ms")
