"""The pages agree with the code, and no file of the repository refers to a particular machine."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from orvanta_platform import __version__
from orvanta_platform.cli import reference
from orvanta_platform.errors import OrvantaError

ROOT = Path(__file__).parents[2]
SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
# The patterns are concatenated so that this file does not match them itself.
FORBIDDEN = [
    re.compile(pattern)
    for pattern in (
        r"/wo" + r"rk/",
        r"/root/\.py" + r"env",
        r"pypi\.o" + r"rg",
        r"pythonhost" + r"ed",
        r"registry\.npm" + r"js",
        r"\bTO" + r"DO\b",
        r"\bFIX" + r"ME\b",
        r"NotImplemented" + r"Error",
    )
]


@pytest.mark.parametrize("name", ["settings.md", "errors.md", "cli.md", "permissions.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    page = ROOT / "docs" / "reference" / name
    assert page.read_text() == reference.pages()[name], "run: make docs"


def test_every_error_has_a_code_and_a_meaning() -> None:
    by_code: dict[str, type[OrvantaError]] = {}
    for kind in reference.error_types():
        assert (kind.__doc__ and kind.__doc__ != OrvantaError.__doc__) or kind is OrvantaError, kind
        if "code" in vars(kind):
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code), kind
            assert by_code.setdefault(kind.code, kind) is kind, f"{kind.code} is used twice"


def test_every_command_explains_itself() -> None:
    page = reference.cli_page()
    for command in ("up", "server", "worker", "migrate", "doctor", "version", "admin create-user"):
        assert re.search(rf"^## orvanta {command}\n\n\S", page, re.MULTILINE), command


def test_pages_and_packages_have_the_version_of_the_code() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    stated = {found for page in pages for found in re.findall(r"Orvanta (\d+\.\d+\.\d+)", page.read_text())}
    assert stated == {__version__}
    assert json.loads((ROOT / "editor" / "package.json").read_text())["version"] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"] and "version" not in project


def repository_files() -> list[Path]:
    """Return the files that are or would be committed; without Git, all files that are not generated."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        return [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in ROOT.rglob("*") if path.is_file() and not SKIPPED & set(path.parts)]


def test_no_file_contains_machine_path_or_registry_address() -> None:
    found = []
    for path in repository_files():
        if not path.is_file() or path == Path(__file__):
            continue
        text = path.read_bytes().decode(errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for rule in FORBIDDEN for match in rule.finditer(text)]
    assert not found


def test_changelog_has_each_entry_once_and_whole() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    entries = [" ".join(each.split()) for each in re.findall(r"^- (.*?)(?=^- |^\S|\Z)", text, re.MULTILINE | re.DOTALL)]
    assert len(entries) > 100
    assert [each for each in entries if not each.endswith(".")] == []
    beginnings = [each[:40] for each in entries]
    assert [each for each in beginnings if beginnings.count(each) > 1] == []
