"""The reference of errors: it lists every error name and every diagnostic code that the source uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from orvanta_platform.cli import reference
from orvanta_platform.cli.error_names import DIAGNOSTICS, FAILURES, STANDARD

SOURCE = Path(__file__).parents[2] / "src" / "orvanta_platform"

ERRORS = {
    "NamedError": 0,
    "JobError": 0,
    "PackageError": 0,
    "CallFailed": 0,
    "ExpressionError": 0,
    "Failed": 1,
    "_Failed": 0,
    "_failed": 0,
    "_fail": 1,
    "_fail_immediately": 1,
    "_limit_error": 0,
    "_named": 0,
    "_uv": 4,
    "fail": 1,
}
FAULTS = {"diagnostic": 0, "Diagnostic": 0, "refusal": 0, "fault": 0}
"""Functions that create an error or a diagnostic, with the position of the name among their arguments."""

NAME = re.compile(r"[A-Z][a-z]+([A-Z][A-Za-z]*)*|[a-z]+(_[a-z0-9]+)+")


@cache
def calls() -> list[ast.Call]:
    """Return every call in the source."""
    trees = (ast.parse(path.read_text()) for path in SOURCE.rglob("*.py"))
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def names(functions: dict[str, int]) -> Iterator[str]:
    """Yield the constants that are passed as names to these functions."""
    for call in calls():
        function = getattr(call.func, "attr", getattr(call.func, "id", ""))
        place = functions.get(function)
        if place is not None and place < len(call.args):
            texts = [part.value for part in ast.walk(call.args[place]) if isinstance(part, ast.Constant)]
            found = [text for text in texts if isinstance(text, str) and NAME.fullmatch(text)]
            # Of `*(name, message)` only the first one is a name.
            yield from found[:1] if isinstance(call.args[place], ast.Starred) else found


def constants() -> set[str]:
    """Return every text in the source that could be a name, including host programs in other languages."""
    text = "".join(
        path.read_text() for path in SOURCE.rglob("*") if path.suffix in {".py", ".ts", ".rb", ".php", ".go"}
    )
    return set(re.findall(r"[\"'](\w+)[\"']", text.replace(SOURCE.joinpath("cli/error_names.py").read_text(), "")))


def test_every_name_of_an_error_is_in_the_reference() -> None:
    codes = {kind.code for kind in reference.error_types()}
    assert set(names(ERRORS)) - set(FAILURES) - STANDARD - codes == set()


def test_every_code_of_a_diagnostic_is_in_the_reference() -> None:
    assert set(names(FAULTS)) - set(DIAGNOSTICS) == set()


def test_reference_lists_only_names_in_use() -> None:
    assert (set(FAILURES) | set(DIAGNOSTICS)) - constants() == set()
