"""Languages with programs that are installed separately: the main cases of the table, with the same runtimes."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace
from tests.conformance.test_runtimes import words_of
from tests.worker.jobs import LEVELS, Ran, run, run_spec, spec, still_works

from orvanta_platform.worker.runtimes import environment, manifest, pythons
from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

pytestmark = [pytest.mark.extended, pytest.mark.soak(minutes=20)]

LANGUAGES = ("deno", "rlang", "nu", "powershell", "java", "csharp", "rust")
ERRORS = {
    "deno": ("RangeError", "at inner (script.ts:2:"),
    "rlang": ("Error", "at inner() (script.r:6)"),
    "nu": ("Error", "script.nu:2:"),
    "powershell": ("Error", "at inner, script.ps1: line 2"),
    "java": ("IllegalStateException", "at Main.inner(Main.java:3)"),
    "csharp": ("InvalidOperationException", "at Script.Inner (script.cs:4)"),
    "rust": ("Panic", "at script.rs:2:5"),
}
"""Name of the raised error, and a part of its stack."""

SYNTAX = {
    "deno": ("SyntaxError", "script.ts:2:"),
    "rlang": ("SyntaxError", "script.r:2:8: unexpected"),
    "nu": ("ExitCode", "exit code 1"),
    "powershell": ("SyntaxError", "script.ps1:2:"),
    "java": ("CompileError", "Main.java:3: error"),
    "csharp": ("CompileError", "script.cs(4,16): error"),
    "rust": ("CompileError", "script.rs:2:13"),
}
COMPILED = {"java", "csharp", "rust"}
"""Languages with fewer cases, because compiling a script takes a second."""

FROM_NPM = {"deno": ("deno", "node_modules/@deno/*/deno"), "nu": ("nushell", "node_modules/@nushell/*/bin/nu")}
"""Packages of npm that contain a program: program → package, path of the program."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the programs that the machine does not have from npm; return their paths by name."""
    wanted = {name: each for name, each in FROM_NPM.items() if shutil.which(name, path=PATH) is None}
    folder = tmp_path_factory.mktemp("npm")
    installing = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder)]
    packages = [package for package, _ in wanted.values()]
    if wanted and shutil.which("npm") is not None:
        subprocess.run([*installing, *packages], check=False, timeout=300)
    found = {name: next(iter(folder.glob(place)), None) for name, (_, place) in wanted.items()}
    return {name: str(path) for name, path in found.items() if path is not None}


@pytest.fixture(scope="module")
async def runtimes(installed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtimes]:
    programs = environment.programs() | installed
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(environment, "programs", lambda: programs)
        manifest.is_installed.cache_clear()
        made = Runtimes(tmp_path_factory.mktemp("home"), [], LEVELS[0])
        await made.start()
        yield made
        await made.close()
    manifest.is_installed.cache_clear()


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, runtimes: Runtimes) -> str:
    value: str = request.param
    missing = BY_LANGUAGE[value].missing()
    if missing is not None or (value == "deno" and not has_deno()):
        pytest.skip(missing or "deno is not installed")
    return value


def has_deno() -> bool:
    return "deno" in environment.programs() or shutil.which("deno", path=PATH) is not None


async def job(runtimes: Runtimes, language: str, case: str, args: Any = None, **options: Any) -> Ran:
    return await run(runtimes, language, words_of(language).SCRIPTS[case].lstrip("\n"), args, **options)


async def test_values(runtimes: Runtimes, language: str) -> None:
    ran = await job(runtimes, language, "arguments", {"b": "2", "a": "1", "unknown": "x"})
    assert ran.value == ["1", "2", "third"]
    value: dict[str, Any] = {"list": [1, 2.5, None, True], "text": 'quotes " and \\ and \n', "deep": {"a": {}}}
    assert (await job(runtimes, language, "structured", {"x": value})).value == value
    assert (await job(runtimes, language, "nothing")).value is None
    text = "žluťoučký кот 猫 🐈"
    ran = await job(runtimes, language, "unicode", {"x": text})
    assert (ran.value, ran.log) == (text, text + "\n")
    if language not in COMPILED:
        assert (await job(runtimes, language, "large", {"x": "y" * 1_000_000})).value == "y" * 2_000_000


async def test_errors(runtimes: Runtimes, language: str) -> None:
    ran = await job(runtimes, language, "error")
    name, stack = ERRORS[language]
    assert ran.error[0] == name and "no good" in ran.error[1]
    assert ran.outcome.error is not None and stack in (ran.outcome.error.stack or "")
    if language != "powershell":  # a script has no main
        name, message = (await job(runtimes, language, "missing main")).error
        assert (name, message) == ("MissingMain", message) and "no function main" in message
    name, message = (await job(runtimes, language, "syntax")).error
    assert name == SYNTAX[language][0] and SYNTAX[language][1] in message
    assert (await job(runtimes, language, "exit")).error == ("ExitCode", "the script ended with exit code 3")


async def test_process(runtimes: Runtimes, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    ran = await job(runtimes, language, "order")
    assert ran.log == "".join(f"out {i}\nerr {i}\n" for i in range(500))
    if language in COMPILED:
        return
    assert (await job(runtimes, language, "environment", env={"OV_JOB_ID": "j-1"})).value == "j-1"
    names = await job(runtimes, language, "whole environment", env={"OV_JOB_ID": "j-1"})
    assert "DATABASE_URL" not in names.value and "OV_JOB_ID" in names.value
    assert (await job(runtimes, language, "stdin")).value in ("", "empty")
    ran = await job(runtimes, language, "forever", timeout_s=2)
    assert (ran.error[0], ran.log) == ("Timeout", "begun\n")
    await still_works(runtimes)


CSHARP = """
using System;
using System.Collections.Generic;
using System.Threading.Tasks;

public class Order { public int Id { get; set; } public decimal Total; }

class Script {
    static async Task<object> main(Order order, List<double?> xs, object any, DateTime? at = null, bool fails = false) {
        await Task.Delay(1);
        if (fails) throw new ArgumentException("no good");
        return new { order, xs, any, year = at?.Year, pair = ("a", 1), map = new Dictionary<int, char> { { 1, 'x' } } };
    }
}
"""


async def test_csharp_has_types_and_async_methods(runtimes: Runtimes) -> None:
    if BY_LANGUAGE["csharp"].missing() is not None:
        pytest.skip("mcs is not installed")
    order, anything = {"Id": 4, "Total": 1.25}, {"list": [1, 2.5, None, True, 1 << 40], "text": "\u0001 \\ ř"}
    given: dict[str, Any] = {"order": order, "xs": [1, None], "any": anything, "at": "2026-02-28T12:00:00Z"}
    ran = await run(runtimes, "csharp", CSHARP, given)
    made = {"year": 2026, "pair": {"Item1": "a", "Item2": 1}, "map": {"1": "x"}}
    assert ran.value == {"order": order, "xs": [1, None], "any": anything, **made}
    assert (await run(runtimes, "csharp", CSHARP, given | {"fails": True})).error == ("ArgumentException", "no good")
    name, message = (await run(runtimes, "csharp", CSHARP, given | {"order": {"Id": 1.5}})).error
    assert (name, message) == ("ArgumentError", "the argument order.Id does not fit: it is no Int32")
    name, message = (await run(runtimes, "csharp", '// a\n#r "nuget: Humanizer"\n' + CSHARP)).error
    assert name == "CompileError" and message.startswith("script.cs(2): no packages")
    heap = (
        "class S { static byte[] Main() { var x = new byte[1]; for (;;) System.Array.Resize(ref x, x.Length * 2); } }"
    )
    assert (await run(runtimes, "csharp", heap)).error[0] in ("MemoryError", "OutOfMemory")
    await still_works(runtimes)


CALLS = {
    "rlang": 'main <- function() list(get_variable("f/a/region"), get_resource("f/a/shop"))',
    "nu": "def main [] { [(get_variable f/a/region) (get_resource f/a/shop)] }",
}
MISSING = {
    "rlang": 'main <- function() get_variable("f/a/none")',
    "nu": "def main [] { get_variable f/a/none }",
}


class _Workspace(BaseHTTPRequestHandler):
    """Answers with a variable and a resource of a workspace, to a caller with the token of the job."""

    values: ClassVar = {
        "/api/w/main/variables/get_value/f/a/region": "north",
        "/api/w/main/resources/get_value_interpolated/f/a/shop": {"url": "north", "n": 1},
    }

    def do_GET(self) -> None:
        """Send a value."""
        known = self.headers["Authorization"] == "Bearer token" and self.path in self.values
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(self.values.get(self.path)).encode())


@pytest.mark.parametrize("caller", CALLS)
async def test_functions_return_variables_and_resources(runtimes: Runtimes, caller: str) -> None:
    if (missing := BY_LANGUAGE[caller].missing()) is not None:
        pytest.skip(missing)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Workspace) as server:
        threading.Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        env = {"BASE_INTERNAL_URL": address, "WM_WORKSPACE": "main", "WM_TOKEN": "token"}
        found = await run(runtimes, caller, CALLS[caller], env=env)
        failed = await run(runtimes, caller, MISSING[caller], env=env)
        server.shutdown()
    assert found.value == ["north", {"url": "north", "n": 1}], found.log
    assert failed.error[0] == "Error", failed.error


async def test_python_of_the_wanted_version(runtimes: Runtimes) -> None:
    others = [each for each in pythons.installed(()) if each is not pythons.OWN]
    if not others:
        pytest.skip("this machine has one version of Python")
    content = "import sys, wmill, orvanta\ndef main(x): print(x); return [*sys.version_info[:2], x]"
    for other in others:
        for wanted in (f"# py: {other.minor}\n", f'# /// script\n# requires-python = "=={other.minor}.*"\n# ///\n'):
            ran = await run(runtimes, "python3", wanted + content, {"x": 1})
            assert (ran.value, ran.log) == ([*other.version[:2], 1], "1\n")
        job = replace(spec("python3", f"# py: {other.minor}\n{content}", {"x": 2}), dedicated=True)
        assert [(await run_spec(runtimes, job)).value for _ in range(2)] == [[*other.version[:2], 2]] * 2
    assert (await run(runtimes, "python3", f"# py: >=3.11\n{content}", {"x": 1})).value[1] == pythons.OWN.version[1]
    name, message = (await run(runtimes, "python3", f"# py: 3.10\n{content}", {"x": 1})).error
    assert name == "no_runtime" and "3.10" in message and f"{others[-1].minor}" in message


async def test_deno_has_its_object_and_locked_packages(runtimes: Runtimes) -> None:
    if not has_deno():
        pytest.skip("deno is not installed")
    content = "export const main = (/* a, b */ x: number, y = ')') => [x, y, typeof Deno.version.deno]"
    assert (await run(runtimes, "deno", content, {"x": 1})).value == [1, ")", "string"]
    folder = runtimes.packages / "admins" / "one"
    greeting = folder / "node_modules" / "greeting"
    greeting.mkdir(parents=True)
    (folder / "package.json").write_text('{"dependencies": {"greeting": "^1.0.0"}}')
    (greeting / "package.json").write_text('{"name": "greeting", "version": "1.0.0", "main": "index.js"}')
    (greeting / "index.js").write_text("exports.hello = (x) => `hello ${x}`;")
    for name in ("greeting", "npm:greeting@^1.0.0"):
        content = f'import {{ hello }} from "{name}";\nexport const main = (x: string) => hello(x);'
        ran = await run_spec(runtimes, replace(spec("deno", content, {"x": "Ada"}), package="admins/one"))
        assert ran.value == "hello Ada", ran.log
    content = (
        'import { getVariable as a } from "windmill-client"; import { getVariable as b } from "npm:orvanta-client";'
    )
    ran = await run(runtimes, "deno", f"{content}\nexport const main = () => [typeof a, a === b]")
    assert ran.value == ["function", True]


async def test_deno_calls_preprocessors_and_passes_dates(runtimes: Runtimes) -> None:
    if not has_deno():
        pytest.skip("deno is not installed")
    content = """
export function preprocessor(event: { body: any }) { return { at: event.body.day, own: typeof Deno }; }
export function main(at: Date /* the day */, own: string) { return [at.getUTCFullYear(), own]; }
"""
    event = {"kind": "webhook", "body": {"day": "2026-02-28"}}
    ran = await run(runtimes, "deno", content, {"event": event})
    assert (ran.value, ran.computed) == ([2026, "object"], '{"at":"2026-02-28","own":"object"}')


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("function main(x, y = 2) { return [x, y, '//', 'a'.replace(/\\//, 'b')]; } // end", [1, 2, "//", "a"]),
        ("const main = (x, y = 'b' // one, two)\n) => [x, y, /[/*]/.test('*')];", [1, "b", True]),
        ("const main = async /* ( */ x => [x, `/*`, /\\/*/.test('')];", [1, "/*", True]),
        ("function main /* (a) */ (x, y = /\\)\\//, z = 3) { return [x, y.test(')/'), z]; }", [1, True, 3]),
    ],
)
async def test_deno_finds_parameters_in_text_of_function(runtimes: Runtimes, content: str, expected: list[Any]) -> None:
    """Deno shows comments in the text of a function."""
    if not has_deno():
        pytest.skip("deno is not installed")
    ran = await run(runtimes, "deno", f"export {content}", {"x": 1}, timeout_s=5)
    assert ran.value == expected


async def test_deno_streams_values_of_generators(runtimes: Runtimes) -> None:
    if not has_deno():
        pytest.skip("deno is not installed")
    content = "export async function* main(x: number) { yield 'one\\n'; yield [x]; yield new Uint8Array([33]); }"
    ran = await run(runtimes, "deno", content, {"x": 1})
    assert (ran.value, ran.streamed) == (None, "one\n[1]!")
