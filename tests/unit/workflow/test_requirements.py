"""Packages that a script requires, determined from its text."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow.requirements import inline_scripts, requirements_of, suspicions


def lines(language: str, content: str) -> list[str]:
    needed = requirements_of(language, content)
    return [] if needed is None else list(needed.lines)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("import os, sys, json", []),
        ("from __future__ import annotations\nimport xml.etree.ElementTree", []),
        ("import orvanta, wmill\nfrom wmill import client", []),
        ("from f.team.script import x\nimport u.user.other\nfrom . import y\nfrom .z import w", []),
        ("import numpy as np, requests.adapters", ["numpy", "requests"]),
        (
            "import yaml, cv2, bs4, sklearn.linear_model",
            ["beautifulsoup4", "opencv-python-headless", "pyyaml", "scikit-learn"],
        ),
        ("from PIL import Image\nfrom dateutil.parser import parse", ["pillow", "python-dateutil"]),
        ("from google.cloud import storage, bigquery", ["google-cloud-bigquery", "google-cloud-storage"]),
        (
            "import google.cloud.pubsub_v1\nfrom google.oauth2 import service_account",
            ["google-auth", "google-cloud-pubsub"],
        ),
        ("from azure.storage.blob import BlobClient\nimport azure.identity", ["azure-identity", "azure-storage-blob"]),
        ("def main():\n    import polars\n    class A:\n        import attr", ["attrs", "polars"]),
        ("try:\n    import ujson as json\nexcept ImportError:\n    import json", ["ujson"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\nelse:\n    import numpy", ["numpy"]),
        ("import Some_Thing.inner", ["some-thing"]),
        ("import idna  # pin: idna==3.6\nimport yaml # repin: PyYAML==6.0.1", ["idna==3.6", "pyyaml==6.0.1"]),
        ("from google.cloud import storage as s # pin: google-cloud-storage<3\n", ["google-cloud-storage<3"]),
        ("'''import pandas'''\n# import numpy", []),
        ("def main(:\n  import pandas", []),
        ("import pandas\0", []),
        ("(" * 10_000, []),
    ],
)
def test_imports_of_python(content: str, wanted: list[str]) -> None:
    assert lines("python3", content) == wanted


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("#requirements:\n#requests==2.31\n#pandas>=1,<2\n\nimport yaml", ["pandas>=1,<2", "requests==2.31"]),
        (
            "# requirements:\n# Ruamel.YAML [jinja2] ~= 0.18 ; python_version > '3.8'\n",
            ["ruamel-yaml[jinja2]~=0.18 ; python_version > '3.8'"],
        ),
        ("# requirements:\n# a @ https://host/a-1.0-py3-none-any.whl\n", ["a @ https://host/a-1.0-py3-none-any.whl"]),
        ("# requirements:\n#\n# notes\nimport yaml", []),
        ("# requirements:\nimport yaml", []),
        ("import yaml\n# extra_requirements:\n# requests==2", ["pyyaml", "requests==2"]),
        ("# requirements:\n# a\n\n# extra_requirements:\n# b\nimport yaml", ["a", "b"]),
        (
            "# /// script\n# requires-python = '>=3.11'\n# dependencies = [\n#   'rich<14',\n# ]\n# ///\nimport yaml",
            ["rich<14"],
        ),
        ("# /// script\n# ///\nimport yaml", []),
        ("# /// script\n# dependencies = ['a']\nimport yaml", ["pyyaml"]),
    ],
)
def test_python_declarations_override_imports(content: str, wanted: list[str]) -> None:
    assert lines("python3", content) == wanted


@pytest.mark.parametrize(
    "entry",
    [
        *("-e .", "--index-url https://evil", "-r /etc/passwd", "./local", "/etc", "a @ file:///etc/passwd", "foo bar"),
        *(
            "a==1 --hash=sha256:00",
            "a @ git+https://host/x",
            "a @ https://host/${TOKEN}/a.whl",
            "a==",
            "a;",
            "a; import os #",
            "https://host/a.whl",
            "a==1\x01",
        ),
    ],
)
def test_options_and_paths_are_not_requirements(entry: str) -> None:
    with pytest.raises(InvalidScript):
        requirements_of("python3", f"# requirements:\n# {entry}\n")
    with pytest.raises(InvalidScript):
        requirements_of("python3", f"# /// script\n# dependencies = [{entry!r}]\n# ///\n")


@pytest.mark.parametrize(
    "content",
    [
        "# /// script\n# dependencies = [\n# ///\n",
        "# /// script\n# dependencies = 'a'\n# ///\n",
        "# /// script\n# dependencies = [1]\n# ///\n",
        "# requirements:\n# a==1\n# A==2\n",
    ],
)
def test_invalid_declarations(content: str) -> None:
    with pytest.raises(InvalidScript):
        requirements_of("python3", content)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('import _ from "lodash"', ["lodash@latest"]),
        ('import _ from "lodash@4.17.21"; import get from "lodash/get"', ["lodash@4.17.21"]),
        ('import { x } from "@scope/name@^1/sub/path"', ["@scope/name@^1"]),
        ("export * from 'zod'; export { a } from \"ajv@8.x\"", ["ajv@8.x", "zod@latest"]),
        ('const a = await import("npm:axios@1"); const b = require(`dayjs`)', ["axios@1", "dayjs@latest"]),
        ('import y = require("yargs"); import "side-effect"', ["side-effect@latest", "yargs@latest"]),
        ('import type { T } from "types"; import { type U } from "used"', ["used@latest"]),
        ('import fs from "node:fs"; import p from "fs/promises"; import { $ } from "bun"; import "bun:sqlite"', []),
        (
            'import "./a"; import "../b.ts"; import "/f/team/c"; import "https://h/x"; import "jsr:@a/b"; import "#i"',
            [],
        ),
        ('// import "no"\n/* require("no") */ const s = "import x from \\"no\\""; import(name); require(`a${b}`)', []),
        ('const t = `${await import("inner")}`', ["inner@latest"]),
        ('import * as wmill from "windmill-client"; import "orvanta-client"', []),
        ('import * as wmill from "windmill-client@1.2.3"', ["windmill-client@1.2.3"]),
        ('export async function main(x: string { import "lodash"', []),
        ('<div/>; import "lodash"', ["lodash@latest"]),
    ],
)
def test_imports_of_typescript(content: str, wanted: list[str]) -> None:
    for language in ("bun", "nativets", "bunnative", "deno"):
        if "string {" not in content and "<div" not in content:
            assert lines(language, content) == wanted


@pytest.mark.parametrize("specifier", ["a@file:../x", "a@git+ssh:x", "a@http:x", "a@", "a@1;2", "@s/a@$(x)"])
def test_invalid_versions(specifier: str) -> None:
    with pytest.raises(InvalidScript):
        requirements_of("bun", f'import "{specifier}"')


def test_two_versions_of_one_package() -> None:
    with pytest.raises(InvalidScript, match="as 1 and as 2"):
        requirements_of("bun", 'import a from "x@1"; import b from "x@2"')


@pytest.mark.parametrize("language", ["bash", "postgresql", "duckdb", "unknown"])
def test_languages_without_packages(language: str) -> None:
    assert requirements_of(language, "import requests") is None


@pytest.mark.parametrize(
    ("imports", "wanted"),
    [
        ('import "fmt"\nimport "net/http"', []),
        (
            'import (\n\t"fmt"\n\tq "rsc.io/quote/v3"\n\t. "github.com/a/b/c"\n)',
            ["github.com/a/b/c", "rsc.io/quote/v3"],
        ),
        ('// import "rsc.io/no"\nvar x = "rsc.io/no"', []),
        ('import "../b"; import "C"; import "-x.y/z"; import "x.y/$(z)"', []),
        ('//require github.com/a/b v1.2.3\nimport "github.com/a/b/c"', ["github.com/a/b/c@v1.2.3"]),
        ("// require rsc.io/quote v1.5.2", ["rsc.io/quote@v1.5.2"]),
    ],
)
def test_imports_of_go(imports: str, wanted: list[str]) -> None:
    assert lines("go", f"package inner\n\n{imports}\n\nfunc main() {{}}\n") == wanted


@pytest.mark.parametrize(
    "comment", ["//require a.b/c ../d", "//require -a.b v1", "//require a.b/c v1\n//require a.b/c v2"]
)
def test_invalid_requirements_of_go(comment: str) -> None:
    with pytest.raises(InvalidScript):
        requirements_of("go", f'package inner\n\n{comment}\nimport "a.b/c"\n')


def test_packages_of_php() -> None:
    content = "<?php\n// require:\n// stripe/stripe-php@^13.0 || ~12.1\n//  monolog/monolog\n\n// not/this\n"
    assert lines("php", content) == ["monolog/monolog", "stripe/stripe-php@^13.0 || ~12.1"]
    assert lines("php", "<?php\n# require:\n# a/b@dev-main\nrequire 'c/d';") == ["a/b@dev-main"]
    assert requirements_of("php", "<?php\n// this requires: a/b\nrequire 'x.php';") is None


@pytest.mark.parametrize("entry", ["ext", "../x/y", "a/b@", "a/b@-x", "A/b", "a/b@1;2", "a/b c", "a/b@1\n// a/b@2"])
def test_invalid_packages_of_php(entry: str) -> None:
    with pytest.raises(InvalidScript):
        requirements_of("php", f"<?php\n// require:\n// {entry}\n")


def test_gems_of_ruby() -> None:
    block = "  source 'https://rubygems.org'\n  gem 'httparty', '~> 0.21', '>= 0.21.1'  # pin\n\n"
    block += '  gem("json", require: false)\n'
    content = f"require 'bundler/inline'\n\ngemfile(true) do\n{block}end\n\ndef main\n  gem 'no'\nend\n"
    assert lines("ruby", content) == ["httparty@~> 0.21, >= 0.21.1", "json"]
    assert requirements_of("ruby", "# gemfile do\ndef main\n  1\nend\n") is None


@pytest.mark.parametrize(
    "line", ["gem 'x', path: '/etc'", "gem 'x', git: 'y'", "gem name", "puts 1", "gem 'x', 'y z'", "gem '-x'"]
)
def test_invalid_gems_of_ruby(line: str) -> None:
    with pytest.raises(InvalidScript):
        requirements_of("ruby", f"gemfile do\n  {line}\nend\n")


def test_reading_runs_nothing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "ran"
        python = f"open({str(mark)!r}, 'w')\nimport yaml\n__import__('os').system('touch {mark}')"
        assert lines("python3", python) == ["pyyaml"]
        typescript = f'require("fs").writeFileSync("{mark}", ""); import "zod"'
        assert lines("bun", typescript) == ["zod@latest"]
        assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        *(("reqeusts", "requests"), ("request", "requests"), ("requestss", "requests"), ("numpi", "numpy")),
        *(("python_dateutil", None), ("scikitlearn", "scikit-learn"), ("requests", None), ("pandas", None)),
        *(("attr", None), ("pip", None), ("my-own-thing", None), ("httpx", None)),
    ],
)
def test_names_similar_to_known_packages(name: str, near: str | None) -> None:
    needed = requirements_of("python3", f"# requirements:\n# {name}\n")
    assert needed is not None
    assert [re.search(r"the name of (\S+):", text)[1] for text in suspicions(needed)] == ([near] if near else [])  # type: ignore[index]


def test_scripts_of_a_workflow_without_locks() -> None:
    def raw(content: str, **more: Any) -> dict[str, Any]:
        return {"type": "rawscript", "language": "python3", "content": content, **more}

    loop = {"type": "forloopflow", "modules": [{"id": "b", "value": raw("import yaml")}]}
    tree = {
        "value": {
            "modules": [
                {"id": "a", "value": raw("import json")},
                {"id": "l", "value": loop},
                {"id": "c", "value": raw("import zod", lock="zod==1")},
                {
                    "id": "d",
                    "value": {
                        "type": "script",
                        "path": "f/a/b",
                        "input_transforms": {"x": {"value": raw("import no")}},
                    },
                },
            ],
            "failure_module": {"id": "ignored", "value": raw("import httpx")},
            "preprocessor_module": {"value": raw("import attrs")},
        }
    }
    assert [(each.node, each.language, each.content) for each in inline_scripts(tree)] == [
        ("a", "python3", "import json"),
        ("b", "python3", "import yaml"),
        ("failure", "python3", "import httpx"),
        ("preprocessor", "python3", "import attrs"),
    ]
