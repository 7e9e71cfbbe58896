"""Lock files in the formats of other tools."""

from __future__ import annotations

import json

import pytest

from orvanta_platform.workflow.requirements import lock_fault, usable_lock

MANIFEST = json.dumps({"dependencies": {"lodash": "^4"}}, indent=2)
BUN = '{\n  "lockfileVersion": 1,\n  "packages": {},\n}\n'
DENO = json.dumps({"version": "4", "specifiers": {"npm:lodash@4": "4.17.21"}, "npm": {}})
HASHED = "# py: 3.12\nrequests==2.31.0 \\\n    --hash=sha256:00\n"


@pytest.mark.parametrize(
    ("language", "lock"),
    [
        ("bun", f"{MANIFEST}\n//bun.lock\n{BUN}"),
        ("deno", f"{MANIFEST}\n//bun.lock\n{BUN}"),
        ("python3", HASHED),
        ("python3", "# py: 3.11\n\nrequests==2.31.0\nanyio @ https://files.example/anyio.whl"),
        ("go", "module mymod\n\nrequire x.y/z v1\n//go.sum\nx.y/z v1 h1:00=\n"),
        ("bash", "anything"),
    ],
)
def test_lock_is_used(language: str, lock: str) -> None:
    assert (usable_lock(language, lock), lock_fault(language, lock)) == (lock, None)


@pytest.mark.parametrize(
    ("language", "lock", "fault"),
    [
        ("bun", f"{MANIFEST}\n//bun.lock\n", "nothing follows //bun.lock"),
        ("bun", f"{MANIFEST}\n//bun.lock", "nothing follows //bun.lock"),
        ("nativets", f"{MANIFEST}\n//bun.lock\n<empty>", "nothing follows //bun.lock"),
        ("bun", f"{MANIFEST}\n//bun.lockb\nIyEvdXNy", "it is in the binary format of Bun"),
        ("bun", f"{MANIFEST}\n//bun.lockb\n<empty>", "it is in the binary format of Bun"),
        ("bun", f"no json\n//bun.lock\n{BUN}", "it does not start with a package.json"),
        ("bun", f'{{"dependencies": []}}\n//bun.lock\n{BUN}', "it does not start with a package.json"),
        ("bun", f"{MANIFEST}\n//bun.lock\nlodash@4", "no bun.lock follows //bun.lock"),
        ("bun", MANIFEST, "it is not a package.json and a bun.lock"),
        ("deno", DENO, "it is a lock of Deno"),
        ("bun", "[" * 100_000, "it is not a package.json and a bun.lock"),
        ("bun", "!inline a.inline_script.lock", "its file a.inline_script.lock is missing"),
        ("python3", "!inline f/a/b.script.lock", "its file f/a/b.script.lock is missing"),
        ("php", '{"packages": []}', "it is not a list of required packages and a composer.lock"),
        ("ruby", "GEM\n", "it is not a list of required gems and a Gemfile.lock"),
        ("go", "module mymod\n", "it is not a go.mod and a go.sum"),
        ("go", "module m\nreplace x.y/z => /etc\n//go.sum\nx", "its go.mod contains replace"),
        ("python3", DENO, f"{DENO[:80]!r} is not a requirement"),
    ],
)
def test_lock_that_cannot_be_used(language: str, lock: str, fault: str) -> None:
    assert (usable_lock(language, lock), lock_fault(language, lock)) == (None, fault)


@pytest.mark.parametrize(
    ("language", "lock"),
    [
        ("python3", ""),
        ("python3", "# py: 3.12\n"),
        ("bun", "<empty>"),
        ("bun", '{"dependencies": {}}\n//bun.lock\n<empty>'),
        ("bun", None),
        ("go", "module mymod\n\ngo 1.22\n//go.sum\n"),
    ],
)
def test_lock_without_packages_is_none(language: str, lock: str | None) -> None:
    assert usable_lock(language, lock) is None
    assert lock is None or lock_fault(language, lock) is None
