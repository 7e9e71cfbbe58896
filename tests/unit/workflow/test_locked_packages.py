"""Packages that locks name, and locks that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orvanta_platform.workflow.requirements import LockUnreadable, locked_packages

HASH = f"sha256:{'0' * 64}"
PYTHON = f"""# py: 3.11
My_Lib[x, y]==2.0.1 \\
    --hash={HASH} \\
    --hash={HASH}
    # via greeting
greeting===1.0 ; python_version < '4' --hash={HASH}
typing.extensions >= 4, <5
anyio @ https://files.example/anyio.whl#sha256=00 --hash={HASH}
bare  # a comment \\
other==1
"""


def named(language: str, lock: str) -> list[tuple[str, str]]:
    return [(each.name, each.version) for each in locked_packages(language, lock)]


def bun(packages: str, manifest: str = '{"dependencies": {"ms": "^2"}}', more: str = "") -> str:
    return f'{manifest}\n//bun.lock\n{{\n  "lockfileVersion": 1,{more}\n  "packages": {{\n{packages}\n  }}\n}}\n'


def go(module: str, sums: str = "") -> str:
    return f"module orvanta\n\ngo 1.22\n\n{module}\n//go.sum\n{sums}"


def gems(text: str) -> str:
    return f'{{"gems": {{}}}}\n//Gemfile.lock\n{text}'


def composer(*packages: Any) -> str:
    return '{"require": {}}\n//composer.lock\n' + json.dumps(
        {"packages": packages, "packages-dev": [{"name": "dev/x"}]}
    )


GREETING = {"name": "Here/Greeting", "version": "v1.4.0", "dist": {"type": "zip", "url": "https://files.example/x.zip"}}


def test_packages_of_python_locks() -> None:
    assert named("python3", PYTHON) == [
        ("my-lib", "2.0.1"),
        ("greeting", "1.0"),
        ("typing-extensions", ">= 4, <5"),
        ("anyio", "https://files.example/anyio.whl#sha256=00"),
        ("bare", ""),
        ("other", "1"),
    ]
    assert [each.name for each in locked_packages("python3", PYTHON) if each.is_direct] == ["anyio"]
    assert named("mysql", "pymysql==1.1.1 # c\ncffi==1.*") == [("pymysql", "1.1.1"), ("cffi", "==1.*")]


def test_packages_of_npm_locks() -> None:
    entries = """    "@types/ms": ["@types/ms@0.7.34", "", {}, "sha512-x=="],
    "alias": ["real@1.0.0", "https://files.example/real.tgz", {}, "sha512-x=="],
    "alias/ms": ["ms@2.1.3", "", { "bin": { "a": "b,}" }, }, "sha512-x=="],
    "git": ["git@github:acme/git#0123", {}, "acme-git-0123"],"""
    for language in ("bun", "bunnative", "nativets", "deno"):
        found = locked_packages(language, bun(entries))
        assert [(each.name, each.version, each.is_direct) for each in found] == [
            ("@types/ms", "0.7.34", False),
            ("real", "1.0.0", False),
            ("ms", "2.1.3", False),
            ("git", "github:acme/git#0123", True),
        ]
    sent = [each.without_trust() for each in found]
    assert [each.version for each in sent if each.is_direct] == [
        "https://files.example/real.tgz",
        "github:acme/git#0123",
    ]


def test_packages_of_go_locks() -> None:
    module = (
        "require rsc.io/quote v1.5.2\n\nrequire (\n\tgolang.org/x/text v0.1.0 // indirect\n)\nexclude a.b/c v1.0.0\n"
    )
    sums = "rsc.io/quote v1.5.2 h1:00=\nrsc.io/quote v1.5.2/go.mod h1:00=\nrsc.io/sampler v1.3.0 h1:00=\n"
    assert named("go", go(module, sums)) == [
        ("rsc.io/quote", "v1.5.2"),
        ("golang.org/x/text", "v0.1.0"),
        ("rsc.io/sampler", "v1.3.0"),
    ]


def test_module_line_of_go_lock_is_that_of_the_installer() -> None:
    assert named("go", "module (\nrequire (\n evil.com/x v1.0.0\n)\n//go.sum\n") == [("evil.com/x", "v1.0.0")]


def test_packages_of_composer_locks() -> None:
    meta = {"name": "here/meta", "version": "2.0", "type": "metapackage"}
    found = locked_packages("php", composer(GREETING, meta))
    assert [(each.name, each.version) for each in found] == [("here/greeting", "1.4.0"), ("here/meta", "2.0")]
    assert [each.without_trust().version for each in found] == ["https://files.example/x.zip", "2.0"]


GEMS = """GEM
  remote: https://rubygems.org/
  specs:
    here-greeting (1.1.0)
      here-naming (>= 1.0)
    nokogiri (1.16.0-x86_64-linux)

PLATFORMS
  ruby

DEPENDENCIES
  here-greeting (~> 1.0)

CHECKSUMS
  here-greeting (1.1.0) sha256=00
  here-naming (1.2.0)
  nokogiri (1.16.0-x86_64-linux) sha256=00

BUNDLED WITH
   2.5.0
"""


def test_packages_of_gem_locks() -> None:
    """A gem that is installed has a checksum, so those of a gem without a specification count as well."""
    wanted = [("here-greeting", "1.1.0"), ("nokogiri", "1.16.0"), ("here-naming", "1.2.0")]
    assert named("ruby", gems(GEMS)) == wanted
    assert named("ruby", gems(GEMS.replace("\n", "\r\n"))) == wanted


@pytest.mark.parametrize(
    ("language", "lock"),
    [
        ("bash", "anything"),
        ("python3", ""),
        ("python3", "# py: 3.12\n"),
        ("bun", "<empty>"),
        ("bun", '{"dependencies": {}}\n//bun.lock\n<empty>'),
        ("go", "module orvanta\n\ngo 1.22\n//go.sum\n"),
        ("php", ""),
        ("ruby", "\n"),
    ],
)
def test_locks_without_packages(language: str, lock: str) -> None:
    assert locked_packages(language, lock) == ()


@pytest.mark.parametrize(
    ("language", "lock"),
    [
        ("python3", "a==1\n-r /etc/passwd"),
        ("python3", "a==1 -r /etc/passwd"),
        ("python3", "a==1\n# hidden \\\n./b.whl"),
        ("python3", "!inline a.script.lock"),
        ("bun", "nonsense"),
        ("bun", '{"dependencies": {"a": "1"}}\n//bun.lock\n'),
        ("bun", '{"dependencies": {"a": "1"}}\n//bun.lock\n{"packages": ['),
        ("bun", '{"dependencies": {"a": "1"}}\n//bun.lock\n' + "{" * 100_000),
        ("bun", bun('"a": ["a@1.0.0", "", {}, "x"], "a": ["b@1.0.0", "", {}, "x"],')),
        ("bun", bun('"a": ["a@1.0.0"],')),
        ("bun", bun('"a": ["a"],')),
        ("bun", bun('"a": [],')),
        ("bun", bun('"a": "a@1.0.0",')),
        ("bun", bun("", more='"patchedDependencies": {"a@1": "a.patch"},')),
        ("bun", '{"dependencies": {"a": "1"}}\n//bun.lock\n{"packages": []}'),
        ("go", "module orvanta\n"),
        ("go", go("require a.b/c v1.0.0 v2.0.0")),
        ("go", go('require "a.b/c" v1.0.0')),
        ("go", go("require a.b/c")),
        ("go", go("require(\na.b/c v1.0.0\n)")),
        ("go", go("replace a.b/c => /etc")),
        ("go", go("other a.b/c v1.0.0")),
        ("go", go("// x\x0cexclude (\nother (\n")),
        ("go", go("", "a.b/c v1.0.0\n")),
        ("go", go("", "a.b/c 1.0.0 h1:0\n")),
        ("php", '{"require": {}}\n//composer.lock\n'),
        ("php", '{"require": {}}\n//composer.lock\n{"packages": {}}'),
        ("php", composer("a")),
        ("php", composer({"name": "a/b"})),
        ("php", composer({"version": "1"})),
        ("ruby", "GEM\n"),
        ("ruby", gems("GIT\n  remote: https://x.example/\n")),
        ("ruby", gems(GEMS.replace("PLATFORMS", "gem"))),
        ("ruby", gems("GEM\n  specs:\n    a (>= 1)\n")),
        ("ruby", gems("GEM\n  specs:\n    a\n")),
        ("ruby", gems("GEM\n  specs:\n     a (1.0)\n")),
        ("ruby", gems("CHECKSUMS\n  a (evil-1.0) sha256=00\n")),
    ],
)
def test_lock_that_cannot_be_read(language: str, lock: str) -> None:
    """It is never taken for a lock without packages."""
    with pytest.raises(LockUnreadable):
        locked_packages(language, lock)


def test_string_without_end_is_read_in_linear_time() -> None:
    with pytest.raises(LockUnreadable):
        locked_packages("bun", '{}\n//bun.lock\n{"' + '\\"' * 500_000)


@pytest.mark.parametrize(
    ("language", "lock"),
    [
        ("bun", bun('    "evil": ["ms@2.1.3", "", {}, "sha512-x=="],', more=' "overrides": {"evil": "1"},')),
        ("bun", bun('    "ms": ["ms@2.1.3", "", {}, "sha512-x=="],', more=' "workspaces": {"": {}, "b": {}},')),
        ("bun", bun('    "x": ["evil/-/evil-1.0.0.tgz?x-utils@1.0.0", "", {}, "sha512-x=="],')),
        ("bun", bun('    "x": ["@types/../evil@1.0.0", "", {}, "sha512-x=="],')),
        ("go", go("require (\n evil.com/x v1.0.0\n")),
    ],
)
def test_lock_that_installers_read_in_another_way_cannot_be_read(language: str, lock: str) -> None:
    with pytest.raises(LockUnreadable):
        locked_packages(language, lock)
