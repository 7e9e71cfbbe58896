"""Features of PHP and Ruby: kinds of parameters, results that are not JSON, errors of their engines."""

from __future__ import annotations

from typing import Any

import pytest
from tests.worker.jobs import Ran, run

from orvanta_platform.worker.runtimes.manifest import Runtime
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

PASSED: dict[str, tuple[str, str, dict[str, Any], Any]] = {
    "php array": ("php", "function main(array $x, $y) { return $x[0] . $y->k; }", {"x": ["1"], "y": {"k": 2}}, "12"),
    "php object": ("php", "function main(array $x) { return $x['k']; }", {"x": {"k": 1}}, 1),
    "php rest": ("php", "function main($x, ...$rest) { return count($rest); }", {"x": 1, "y": 2}, 0),
    "php arguments": ("php", "function main() { return $GLOBALS['argv']; }", {}, ["script.php"]),
    "php resource": (
        "php",
        "function main(Postgresql $db, ?Mysql $other, s3 $bucket) "
        "{ return [get_class($db), $db->host, $db->nested->port, $other, $bucket->bucket, $db]; }",
        {"db": {"host": "h", "nested": {"port": 1}}, "other": None, "bucket": {"bucket": "b"}},
        ["Postgresql", "h", 1, None, "b", {"host": "h", "nested": {"port": 1}}],
    ),
    "php own class": (
        "php",
        "class Item {}\n"
        "function main(Item|stdClass $a, stdClass $b, ?object $c) { return get_class($a) . $b->x . $c->y; }",
        {"a": {"x": 1}, "b": {"x": 2}, "c": {"y": 3}},
        "stdClass23",
    ),
    "php float": ("php", "function main(float $x) { return $x; }", {"x": 1}, 1.0),
    "ruby keywords": ("ruby", "def main(a:, b: 2) = [a, b]", {"a": 1, "c": 3}, [1, 2]),
    "ruby rest": ("ruby", "def main(a, **rest) = [a, rest]", {"a": 1, "c": 3}, [1, {"c": 3}]),
    "ruby optional": ("ruby", "def main(a = 1, b = 2) = [a, b]", {"a": 5}, [5, 2]),
    "ruby list": ("ruby", "def main(a) = a", {"a": [[1], []]}, [[1], []]),
    "ruby struct": ("ruby", "def main = Struct.new(:a).new(:b)", {}, {"a": "b"}),
    "ruby exit": ("ruby", "def main = exit", {}, None),
    "ruby fork": ("ruby", "def main\n  fork\n  1\nend", {}, 1),
}  # fmt: skip

FAILED: dict[str, tuple[str, str, str, str]] = {
    "php nan": ("php", "function main() { return NAN; }", "ResultNotJson", "NaN"),
    "php bytes": ("php", r'function main() { return "\xff"; }', "ResultNotJson", "UTF-8"),
    "php cycle": ("php", "function main() { $a = []; $a[] = &$a; return $a; }", "ResultNotJson", "Recursion"),
    "php missing": ("php", "function main($a) {}", "ArgumentCountError", "main"),
    "php top": ("php", "throw new Exception('top');", "Exception", "top"),
    "php fatal": ("php", "function main() {}\nfunction main() {}", "FatalError", "Cannot redeclare"),
    "php exit": ("php", "function main() { exit(0); }", "ExitCode", "exit code 0 without a result"),
    "php long": ("php", "function main() { throw new Exception(str_repeat('é', 100000)); }", "Exception", "é\n…"),
    "php large": ("php", "function main() { return str_repeat('x', 100000); }", "result_too_large", "100002 bytes"),
    "ruby nan": ("ruby", "def main = [0.0 / 0]", "ResultNotJson", "result[0] is NaN"),
    "ruby bytes": ("ruby", r'def main = "\xff"', "ResultNotJson", ""),
    "ruby cycle": ("ruby", "def main\n  a = []\n  a << a\nend", "ResultNotJson", "contains itself"),
    "ruby object": ("ruby", "def main = { o: Object.new }", "ResultNotJson", "result.o is of type Object"),
    "ruby missing": ("ruby", "def main(a) = a", "ArgumentError", "the argument a is missing"),
    "ruby top": ("ruby", "raise 'top'", "RuntimeError", "top"),
    "ruby deep": ("ruby", "def main = main", "SystemStackError", "too deep"),
    "ruby message": ("ruby", "class E < IOError\ndef message = raise\nend\ndef main = raise E", "E", "cannot be shown"),
    "ruby long": ("ruby", "def main = raise('é' * 100000)", "RuntimeError", "é\n…"),
    "ruby large": ("ruby", "def main = 'x' * 100000", "result_too_large", "100002 bytes"),
}  # fmt: skip


async def ran(runtimes: Runtimes, language: str, content: str, args: dict[str, Any] | None = None) -> Ran:
    missing = BY_LANGUAGE[language].missing()
    if missing is not None:
        pytest.skip(missing)
    start = "<?php\n" if language == "php" else ""
    return await run(runtimes, language, start + content, args, result_bytes=50_000)


@pytest.mark.parametrize("case", PASSED)
async def test_arguments_and_results(runtimes: Runtimes, case: str) -> None:
    language, content, args, wanted = PASSED[case]
    assert (await ran(runtimes, language, content, args)).value == wanted


@pytest.mark.parametrize("case", FAILED)
async def test_error_states_reason(runtimes: Runtimes, case: str) -> None:
    language, content, wanted, reason = FAILED[case]
    found = await ran(runtimes, language, content)
    name, message = found.error
    assert name == wanted
    assert reason in message
    stack = found.outcome.error.stack if found.outcome.error else None
    assert "/script." not in f"{message}{stack}"
    assert len(stack or "") < 33_000


def test_missing_program_names_remedy() -> None:
    absent = Runtime(languages=("x",), host="x", program="no-such-program", remedy="install it")
    assert absent.missing() == "no-such-program is not installed on this worker: install it"
