"""Reading of scripts for their signature, requirements or imports. Standard library, msgspec and tree-sitter only.

A request is the length of a text in 4 bytes, a JSON text {"ask": "signature", "requirements" or "imports", "scripts":
[[language, bytes, path or null], …]}, and the scripts one after another. The answer's value is a list with one entry
per script:

    {"schema": {…} or null, "fault": {"line", "column", "message"} or null}    its signature
    {"packages": [[name, range], …]}                                           its requirements
    [{"candidates": [path, …], "name", "line", "column", "optional"}, …]       its imports of other scripts
    {"invalid": {"message": "…", "hint": "…" or null}}                         an invalid requirement
"""

from __future__ import annotations

import json
import os
import signal
import warnings
from typing import Any, Final

from msgspec.structs import asdict

from orvanta_platform.errors import InvalidScript
from orvanta_platform.evaluate.child.frames import LENGTH
from orvanta_platform.workflow.requirements.needs import requirements_of
from orvanta_platform.workflow.script_imports import imports_of
from orvanta_platform.workflow.signature.fault import fault_of
from orvanta_platform.workflow.signature.schema import schema_of

TIME_S: Final = 2.0
"""Base processor time of one request."""

BYTES_A_SECOND: Final = 256 << 10
"""Bytes of a request for which the time limit grows by one second; large scripts need less than half of it."""

_EXIT_AFTER_BYTES: Final = 1 << 20
"""Size of a request after which the process exits, to release its memory."""

_NICENESS: Final = 10
_OUT_OF_MEMORY: Final = b'{"error":{"name":"out_of_memory","message":""},"limit":true}'
_SAMPLES: Final = (
    ("python3", "import requests\ndef main(a: int, b: str = 'x', c: list[str] | None = None):\n    return a\n"),
    ("python3", "# /// script\n# dependencies = ['requests>=2']\n# ///\n# extra_requirements:\n# é\ndef main(:\n"),
    ("bun", "import a from 'lodash@4'; export async function main(a: RT.Pg, b?: 'x' | 1, c = {d: [1]}) {}"),
    ("bash", 'a="$1"\n'),
    ("go", 'package inner\nimport "fmt"\nfunc main(a string, b []int) (string, error) { return a, nil }\n'),
    ("php", "<?php\nfunction main(string $a, int $b = 3) {}\n"),
    ("ruby", "def main(a, b = 1)\nend\n"),
    ("postgresql", "-- $1 a (int) = 3\nselect 1\n"),
    ("graphql", "query ($a: Int) { a }"),
    ("mysql", "-- ? a (int) = 3\nselect ?\n"),
    ("duckdb", "-- $a (text) = 'x'\nselect 1\n"),
)


class Engine:
    """Answers requests; a request that takes too much time or memory ends the process."""

    def __init__(self) -> None:
        os.nice(_NICENESS)
        warnings.simplefilter("ignore")
        # Import everything that reading needs: after the confinement no file can be read.
        for language, content in _SAMPLES:
            _signature(language, content)
            _requirements(language, content)
            _imports(language, content, "f/folder/name")

    @property
    def is_prepared(self) -> bool:
        """Return True: there is nothing to prepare."""
        return True

    def prepare(self) -> None:
        """Do nothing."""

    def evaluate(self, request: bytes) -> bytes:
        """Answer a request."""
        signal.setitimer(signal.ITIMER_PROF, TIME_S + len(request) / BYTES_A_SECOND)
        try:
            text = json.dumps(_read_scripts(request)).encode()
        except BaseException:  # out of memory: the state of the process is undefined
            return _OUT_OF_MEMORY
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return (
            b'{"limit":true,"value":%s}' if len(request) > _EXIT_AFTER_BYTES else b'{"truthy":true,"value":%s}'
        ) % text


def _read_scripts(request: bytes) -> list[Any]:
    start = LENGTH.size + LENGTH.unpack_from(request)[0]
    head = json.loads(request[LENGTH.size : start])
    found: list[Any] = []
    for language, length, path in head["scripts"]:
        content = request[start : start + length].decode()
        match head["ask"]:
            case "signature":
                found.append(_signature(language, content))
            case "imports":
                found.append(_imports(language, content, path))
            case _:
                found.append(_requirements(language, content))
        start += length
    return found


def _signature(language: str, content: str) -> dict[str, Any]:
    fault = fault_of(language, content)
    position = None if fault is None else {"line": fault.line, "column": fault.column, "message": fault.message}
    return {"schema": schema_of(language, content), "fault": position}


def _requirements(language: str, content: str) -> dict[str, Any]:
    try:
        needed = requirements_of(language, content)
    except InvalidScript as error:
        return {"invalid": {"message": error.message, "hint": error.hint}}
    return {"packages": [] if needed is None else needed.packages}


def _imports(language: str, content: str, path: str | None) -> list[dict[str, Any]]:
    return [asdict(each) for each in imports_of(language, content, path)]
