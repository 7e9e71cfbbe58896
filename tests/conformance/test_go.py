"""Features of Go: cached builds, kinds of parameters and results, refused code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.worker.jobs import Collected, Ran, run, run_spec, spec

from orvanta_platform import clock
from orvanta_platform.worker.outcome import JobOutcome
from orvanta_platform.worker.runtimes.builds import Builds
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

GO = BY_LANGUAGE["go"]
pytestmark = [pytest.mark.extended, pytest.mark.usefixtures("warm_compiler", "go")]

TYPES = """
type Line struct {
	Name string `json:"name"`
	Count int `json:"count,omitempty"`
}

type NotFound struct{ key string }

func (e *NotFound) Error() string { return e.key + " is not there" }

type Bad struct{}

func (b Bad) Error() string { panic("again") }
func (b Bad) MarshalJSON() ([]byte, error) { panic("cannot") }
"""

PASSED: dict[str, tuple[str, dict[str, Any], Any]] = {
    "struct": ("func main(l Line) Line { l.Count++; return l }", {"l": {"name": "a"}}, {"name": "a", "count": 1}),
    "absent": ("func main(s string, n int, p *int, m map[string]int) any { return []any{s, n, p, m} }", {},
               ["", 0, None, None]),
    "null": ("func main(s string, p *int) any { return []any{s, p} }", {"s": None, "p": None}, ["", None]),
    "shared type": ("func main(a, b int, _ string) int { return a - b }", {"a": 5, "b": 3, "_": "x"}, 2),
    "no names": ("func main(string, int) string { return \"on\" }", {}, "on"),
    "rest": ("func main(a string, l ...int) int { return len(a) + len(l) }", {"a": "x", "l": [1, 2]}, 3),
    "no rest": ("func main(l ...int) int { return len(l) }", {}, 0),
    "bytes": ("func main(b []byte) string { return string(b) }", {"b": "aGk="}, "hi"),
    "time": ("func main(t time.Time) int { return t.Year() }", {"t": "2026-11-25T00:00:00Z"}, 2026),
    "error alone": ("func main() error { return nil }", {}, None),
    "nil of a type": ("func main() *NotFound { return nil }", {}, None),
    "value and no error": ("func main() (int, error) { return 1, nil }", {}, 1),
    "two values": ("func main() (int, string, error) { return 1, \"b\", nil }", {}, [1, "b"]),
    "markup": ("func main() string { return \"<&>\\u2028\" }", {}, "<&>\u2028"),
    "words of the command": ("func main() []string { return os.Args }", {}, ["script"]),
    "a method main": ("func (l Line) main(x int) {}\nfunc main(a int) int { return a }", {"a": 1}, 1),
}  # fmt: skip

FAILED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "error": ("func main() (int, error) { return 1, errors.New(\"no good\") }", {}, "Error", "no good"),
    "wrapped": ("func main() error { return fmt.Errorf(\"a: %w\", os.ErrExist) }", {}, "Error", "a: file already"),
    "own error": ("func main() (any, error) { return nil, &NotFound{\"k\"} }", {}, "NotFound", "k is not there"),
    "path error": ("func main() error { _, err := os.Open(\"none\"); return err }", {}, "PathError", "open none: "),
    "bad error": ("func main() error { return Bad{} }", {}, "Bad", "cannot be shown"),
    "panic of an error": ("func main() { panic(&NotFound{\"k\"}) }", {}, "NotFound", "k is not there"),
    "panic of the engine": ("func main(l []int) int { return l[3] }", {"l": []}, "Panic", "index out of range [3]"),
    "panic of bad": ("func main() { panic(Bad{}) }", {}, "Bad", "cannot be shown"),
    "panic in another goroutine": ("func main() { go panic(1); select {} }", {}, "ExitCode", "exit code 2"),
    "deadlock": ("func main() { select {} }", {}, "ExitCode", "exit code 2"),
    "exit": ("func main() { os.Exit(0) }", {}, "ExitCode", "exit code 0 without a result"),
    "wrong argument": ("func main(n int) {}", {"n": "x"}, "ArgumentError", "the argument n does not fit: "),
    "nan": ("func main() float64 { z := 0.0; return z / z }", {}, "ResultNotJson", "NaN"),
    "function": ("func main() any { return main }", {}, "ResultNotJson", "unsupported type: func"),
    "cycle": ("func main() any { m := map[string]any{}; m[\"m\"] = m; return m }", {}, "ResultNotJson", "cycle"),
    "bad result": ("func main() any { return Bad{} }", {}, "Panic", "cannot"),
    "long": ("func main() { panic(strings.Repeat(\"é\", 100000)) }", {}, "Panic", "é\n…"),
    "large": ("func main() string { return strings.Repeat(\"x\", 100000) }", {}, "result_too_large", "100002 bytes"),
}  # fmt: skip

REFUSED: dict[str, tuple[str, str]] = {
    "package": ('package inner\n\nimport "github.com/a/b"\n\nfunc main() {}', "script.go:3: the lock of the script"),
    "relative": ('package inner\n\nimport "../b"\n\nfunc main() {}', 'script.go:3:8: "../b" is relative'),
    "unknown": ('package inner\n\nimport "a/b"\n\nfunc main() {}', "script.go:3:8: package a/b is not in std"),
    "cgo": ('package inner\n\nimport "C"\n\nfunc main() {}', "script.go:3: there is no cgo here"),
    "package main": ("package main\n\nfunc main() {}", "must be of the package inner"),
    "types": ('package inner\n\nfunc main() int {\n\treturn "x"\n}', 'script.go:4:9: cannot use "x"'),
    "two": ("package inner\n\nfunc main() {\n\ta := 1\n\tb := 2\n}", "script.go:5:2: declared and not used: b"),
    "no package": ("func main() {}", "script.go:1:1: expected 'package'"),
    "embed": ('package inner\n\nimport _ "embed"\n\n//go:embed ../../../etc/passwd\nvar x string\n\nfunc main() {}',
              "script.go:5:12: pattern ../../../etc/passwd: invalid pattern syntax"),
}  # fmt: skip


@pytest.fixture
def go() -> None:
    if (missing := GO.missing()) is not None:
        pytest.skip(missing)


@pytest.fixture
def runtimes(fresh_runtimes: Runtimes) -> Runtimes:
    """Return runtimes whose builds no other test has made."""
    return fresh_runtimes


def whole(text: str) -> str:
    """Return a script with `text`, its imports of the standard library, and the types above."""
    used = [name for name in ("errors", "fmt", "os", "strings", "time") if f"{name}." in text]
    return "package inner\n\n" + "".join(f'import "{name}"\n' for name in used) + TYPES + text + "\n"


async def go_on(runtimes: Runtimes, text: str, args: dict[str, Any] | None = None) -> Ran:
    return await run(runtimes, "go", whole(text), args, result_bytes=50_000)


def test_seeds_of_other_compilers_are_removed_in_the_end(compiled: Path) -> None:
    """The platform caches one build of the standard library for each compiler in use."""
    assert not (compiled / "old").exists()
    assert (compiled / "recent").exists()
    assert len(list(compiled.iterdir())) == 2


def some(cases: Iterable[str]) -> list[Any]:
    """Return parameters of which two thirds are soak tests, since compiling each takes a second."""
    return [
        pytest.param(case, id=case, marks=[pytest.mark.soak] if place % 3 else []) for place, case in enumerate(cases)
    ]


@pytest.mark.parametrize("case", some(PASSED))
async def test_arguments_and_results(runtimes: Runtimes, case: str) -> None:
    text, args, wanted = PASSED[case]
    assert (await go_on(runtimes, text, args)).value == wanted


@pytest.mark.parametrize("case", some(FAILED))
async def test_error_states_reason(runtimes: Runtimes, case: str) -> None:
    text, args, wanted, reason = FAILED[case]
    found = await go_on(runtimes, text, args)
    name, message = found.error
    assert name == wanted
    assert reason in message
    stack = found.outcome.error.stack if found.outcome.error else None
    assert "host.go" not in f"{message}{stack}"
    assert len(stack or "") < 33_000


@pytest.mark.parametrize("case", some(REFUSED))
async def test_compile_error_shows_position(runtimes: Runtimes, case: str) -> None:
    content, reason = REFUSED[case]
    found = await run(runtimes, "go", content)
    name, message = found.error
    assert name == "CompileError"
    assert reason in message
    assert not found.outcome.started
    assert found.log == ""
    assert programs(runtimes) == []


def programs(runtimes: Runtimes) -> list[Path]:
    """Return the stored compiled scripts."""
    return sorted(runtimes.packages.glob("*/go/*/script"))


async def compiles(runtimes: Runtimes, *specs: Any) -> list[str]:
    """Build these jobs concurrently; return the workspaces for which the compiler ran."""
    built: list[str] = []
    builder = Builds(runtimes.packages, runtimes.staging, counted(runtimes, built), runtimes.make_output)
    assert GO.build is not None
    log, never = Collected(), asyncio.Event()
    made = await asyncio.gather(*(builder.provide(GO.build, each, log, never) for each in specs))
    assert not [each for each in made if isinstance(each, JobOutcome)], made
    return built


def counted(runtimes: Runtimes, built: list[str]) -> Any:
    async def counted_run(order: Any, log: Any, cancelled: asyncio.Event) -> JobOutcome:
        built.append(order.workspace)
        return await runtimes.run(order, log, cancelled)

    return counted_run


FIRST = "package inner\n\nfunc main() int { return 1 }\n"


async def test_equal_content_is_compiled_once(runtimes: Runtimes) -> None:
    one = spec("go", FIRST)
    assert runtimes.must_build(one)
    assert await compiles(runtimes, one, spec("go", FIRST), spec("go", FIRST, {"x": 1})) == ["admins"]
    assert not runtimes.must_build(one)
    assert await compiles(runtimes, one) == []
    (program,) = programs(runtimes)
    before = program.stat()
    for _ in range(2):
        assert (await run_spec(runtimes, spec("go", FIRST))).value == 1
    assert (program.stat().st_ino, program.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_other_content_and_other_workspaces_have_programs_of_their_own(runtimes: Runtimes) -> None:
    specs = [spec("go", FIRST), spec("go", FIRST + "// x\n"), structs.replace(spec("go", FIRST), workspace="other")]
    assert sorted(await compiles(runtimes, *specs)) == ["admins", "admins", "other"]
    assert len({path.parent for path in programs(runtimes)}) == 3


async def test_changed_compiler_recompiles(runtimes: Runtimes) -> None:
    assert GO.build is not None
    newer = replace(GO.build, version=lambda: "1.24.99")
    builds = Builds(runtimes.packages, runtimes.staging, runtimes.run, runtimes.make_output)
    assert await compiles(runtimes, spec("go", FIRST)) == ["admins"]
    assert not builds.is_made(newer, spec("go", FIRST))


LOOK = """package inner

import "os"

func main(paths []string) map[string][]string {
	found := map[string][]string{}
	for _, path := range paths {
		found[path] = []string{}
		if os.WriteFile(path+"/planted", nil, 0o600) == nil {
			found[path] = append(found[path], "plant")
		}
		if file, err := os.OpenFile(path+"/script", os.O_WRONLY, 0); err == nil {
			found[path] = append(found[path], "write")
			file.Close()
		}
		if os.Rename(path+"/script", path+"/other") == nil {
			found[path] = append(found[path], "rename")
		}
		if _, err := os.ReadDir(path); err == nil {
			found[path] = append(found[path], "list")
		}
	}
	return found
}
"""


async def test_job_cannot_change_builds_or_cache(runtimes: Runtimes) -> None:
    await run(runtimes, "go", FIRST)
    (victim,) = programs(runtimes)
    cache = runtimes.packages / "admins" / ".go-cache"
    assert cache.is_dir()
    forbidden = [str(victim.parent), str(cache), str(runtimes.staging), str(runtimes.packages / ".go")]
    found = (await run(runtimes, "go", LOOK, {"paths": [*forbidden, "/packages", "/output"]})).value
    assert {path: found[path] for path in forbidden} == {path: [] for path in forbidden}
    assert set(found["/packages"]) <= {"list"}
    assert set(found["/output"]) <= {"list"}


async def test_stored_build_is_read_only(runtimes: Runtimes) -> None:
    await run(runtimes, "go", FIRST)
    (program,) = programs(runtimes)
    assert (program.stat().st_mode & 0o777, program.parent.stat().st_mode & 0o777) == (0o555, 0o555)
    assert program.stat().st_uid == os.geteuid()
    assert not list(runtimes.staging.iterdir())


async def test_builds_are_isolated_between_workspaces(runtimes: Runtimes) -> None:
    """A damaged cache of one workspace affects only that workspace."""
    await run(runtimes, "go", FIRST)
    for path in (runtimes.packages / "admins" / ".go-cache").glob("*/*-d"):
        path.write_bytes(b"x" * path.stat().st_size)  # another size would be detected
    content = FIRST + "// again\n"
    assert (await run_spec(runtimes, spec("go", content))).error[0] == "CompileError"
    assert (await run_spec(runtimes, structs.replace(spec("go", content), workspace="other"))).value == 1


async def test_next_build_removes_unused_builds(runtimes: Runtimes) -> None:
    contents = [f"{FIRST}// {n}\n" for n in range(3)]
    for content in contents[:2]:
        await run(runtimes, "go", content)
    old = clock.now().timestamp() - 31 * 86_400
    for program in programs(runtimes):
        os.utime(program.parent, (old, old))
    assert (await run(runtimes, "go", contents[0])).value == 1  # used again
    assert len(programs(runtimes)) == 2
    await run(runtimes, "go", contents[2])
    assert [runtimes.must_build(spec("go", content)) for content in contents] == [False, True, False]


async def test_build_has_no_secrets_of_job(runtimes: Runtimes) -> None:
    orders: list[Any] = []

    async def seen(order: Any, log: Any, cancelled: asyncio.Event) -> JobOutcome:
        orders.append(order)
        return await runtimes.run(order, log, cancelled)

    assert GO.build is not None
    builds = Builds(runtimes.packages, runtimes.staging, seen, runtimes.make_output)
    job = spec("go", FIRST, {"password": "hunter2"}, env={"OV_TOKEN": "jt_secret"})
    await builds.provide(GO.build, job, Collected(), asyncio.Event())
    (order,) = orders
    assert (dict(order.env), b"hunter2" in order.args) == ({}, False)


async def test_build_over_time_limit_is_killed(runtimes: Runtimes) -> None:
    assert GO.build is not None
    builds = Builds(runtimes.packages, runtimes.staging, runtimes.run, runtimes.make_output, longest_s=0.001)
    failed = await builds.provide(GO.build, spec("go", FIRST), Collected(), asyncio.Event())
    assert isinstance(failed, JobOutcome)
    assert failed.error is not None
    assert (failed.error.name, failed.stopped_by, failed.started) == ("Timeout", "timeout", False)
    assert not programs(runtimes)
    assert (await run(runtimes, "go", FIRST)).value == 1


async def test_build_time_does_not_count_as_job_time(runtimes: Runtimes) -> None:
    assert (await run_spec(runtimes, spec("go", FIRST, timeout_s=1))).value == 1


async def test_cancel_ends_build_and_its_waiters(runtimes: Runtimes) -> None:
    assert GO.build is not None
    compiling, cancelled = asyncio.Event(), asyncio.Event()

    async def seen(order: Any, log: Any, stopped: asyncio.Event) -> JobOutcome:
        compiling.set()
        return await runtimes.run(order, log, stopped)

    builds = Builds(runtimes.packages, runtimes.staging, seen, runtimes.make_output)
    jobs = [builds.provide(GO.build, spec("go", FIRST), Collected(), cancelled) for _ in range(2)]
    both = asyncio.gather(*jobs)
    await compiling.wait()
    cancelled.set()
    for outcome in await both:
        assert isinstance(outcome, JobOutcome)
        assert (outcome.stopped_by, outcome.started) == ("cancel", False)
    assert not programs(runtimes)
    assert not list(runtimes.staging.iterdir())


async def test_package_may_have_other_name(runtimes: Runtimes) -> None:
    assert (await run(runtimes, "go", FIRST.replace("inner", "sums"))).value == 1


async def test_marked_lines_are_stream_and_no_log(runtimes: Runtimes) -> None:
    ran = await go_on(runtimes, 'func main() int { fmt.Println("a\\nOV_STREAM: one"); fmt.Println("b"); return 5 }')
    assert (ran.value, ran.streamed, ran.log) == (5, "one", "a\nb\n")


async def test_compiler_without_version_fails_job(runtimes: Runtimes) -> None:
    def unknown() -> str:
        raise OSError("there is no VERSION")

    assert GO.build is not None
    builds = Builds(runtimes.packages, runtimes.staging, runtimes.run, runtimes.make_output)
    failed = await builds.provide(replace(GO.build, version=unknown), spec("go", FIRST), Collected(), asyncio.Event())
    assert isinstance(failed, JobOutcome)
    assert failed.error is not None
    assert (failed.error.name, failed.started) == ("CannotStart", False)
    assert "there is no VERSION" in failed.error.message
