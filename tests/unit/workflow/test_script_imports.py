"""Imports of other scripts, determined from a script's text."""

from __future__ import annotations

import pytest

from orvanta_platform.workflow.script_imports import Closure, Module, find_cycle, imports_of, may_import, parse_manifest

PYTHON = {
    "from f.lib.a import x": [("f/lib/a", "f/lib/a/x")],
    "from f.lib.a import x, y": [("f/lib/a", "f/lib/a/x"), ("f/lib/a", "f/lib/a/y")],
    "from f.lib import a, b": [("f/lib/a",), ("f/lib/b",)],
    "from f.lib.a import *": [("f/lib/a",)],
    "import os, f.lib.a as a,u.ann.b": [("f/lib/a",), ("u/ann/b",)],
    "from .a import x": [("f/app/a", "f/app/a/x")],
    "from . import a": [("f/app/a",)],
    "from\t..lib.a \\\n  import x": [("f/lib/a", "f/lib/a/x")],
    "from ... import a": [()],
    "from ....f.lib.a import x": [()],
    "import f.lib": [()],
    "def main():\n    try:\n        from f.lib.a import x\n    except ImportError: pass": [("f/lib/a", "f/lib/a/x")],
    "if TYPE_CHECKING:\n    from f.lib.a import x": [],
    "import requests\nfrom fast import f\nf.write()": [],
    "text = 'from f.lib.a import x'": [],
    "from f.lib.a import (": [],
}
TYPESCRIPT = {
    'import { a } from "./a"': [("f/app/a",)],
    'import a from "../lib/a.ts"': [("f/lib/a", "f/lib/a.ts")],
    "export * from '/u/ann/a.js'": [("u/ann/a", "u/ann/a.js")],
    "const a = await import(`/f/lib/a`)": [("f/lib/a",)],
    'import a = require("./a")': [("f/app/a",)],
    'import "./.././lib//a"': [("f/lib/a",)],
    'import a from "/f/lib/../../../etc/passwd"': [()],
    'import a from "../../../etc/passwd"': [()],
    'import a from "/f/lib"': [()],
    'import type { A } from "./a"': [],
    'import a from "lodash"; import b from "/etc/passwd"': [],
    "const text = \"import a from './a'\"": [],
}


@pytest.mark.parametrize("content", PYTHON)
def test_python_imports(content: str) -> None:
    found = imports_of("python3", content, "f/app/main")
    assert [each.candidates for each in found] == PYTHON[content]
    assert may_import("python3", content) or not found


@pytest.mark.parametrize("content", TYPESCRIPT)
def test_typescript_imports(content: str) -> None:
    found = imports_of("bun", content, "f/app/main")
    assert [each.candidates for each in found] == TYPESCRIPT[content]
    assert may_import("bun", content) or not found


def test_import_has_position() -> None:
    (found,) = imports_of("python3", "x = 1\nif x:\n    from .a import b", "f/app/main")
    assert (found.name, found.line, found.column, found.optional) == (".a", 3, 5, False)
    (called,) = imports_of("bun", '\nrequire("./a")', "f/app/main")
    assert (called.line, called.column, called.optional) == (2, 9, True)


def test_script_without_path_has_no_relative_imports() -> None:
    assert [each.candidates for each in imports_of("python3", "from .a import b", None)] == [()]
    assert [each.candidates for each in imports_of("bun", 'import "./a"', None)] == [()]
    assert imports_of("bash", "from f.lib.a import b", None) == []


@pytest.mark.extended
def test_words_of_any_script_are_searched_in_linear_time() -> None:
    for part in ("import a, ", "from ", "import \\\n", ", f", "'./"):
        may_import("python3", part * 1_000_000)
        may_import("bun", part * 1_000_000)


def test_cycle_is_found_once_per_script() -> None:
    assert find_cycle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, "a") is None
    assert find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}, "a") == ["b", "c", "b"]
    assert find_cycle({"a": ["a"]}, "a") == ["a", "a"]
    wide = {str(n): [str(n + 1), str(n + 2)] for n in range(1_000)}
    assert find_cycle(wide, "0") is None
    assert find_cycle({str(n): [str(n + 1)] for n in range(100_000)} | {"100000": ["99999"]}, "0") is not None


def test_manifest_is_read_back() -> None:
    modules = (Module("f/lib/a", "python3", "00" * 32),)
    closure = Closure("f/app/main", modules)
    assert parse_manifest(closure.manifest()) == closure
    assert closure.folder == Closure("f/app/other", modules).folder
    assert closure.folder != Closure("f/app/main", (Module("f/lib/a", "python3", "01" * 32),)).folder
