"""Checks of the structure of the source code."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "orvanta_platform"
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
SQL = re.compile(
    r"\b(SELECT\s+(\*|[\w.\"(]+).*\sFROM\s|INSERT\s+INTO\s+\w|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s+\w"
    r"|CREATE\s+(TABLE|INDEX|ROLE|DATABASE)\s|ALTER\s+(TABLE|ROLE)\s)",
    re.DOTALL,
)


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("orvanta_platform", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the cycle


def test_only_db_may_import_the_driver() -> None:
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    listed = set(contracts["importlinter:contract:driver"]["source_modules"].split())
    packages = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert listed == {f"orvanta_platform.{name}" for name in packages - {"__init__", "db"}}


@pytest.mark.parametrize(("folder", "limit"), [("src", 600), ("tests", 600)])
def test_modules_stay_short(folder: str, limit: int) -> None:
    long = [path for path in modules(ROOT / folder) if len(path.read_text().splitlines()) >= limit]
    assert not long


def test_lines_of_sql_are_short() -> None:
    """Migrations that were applied are not changed."""
    long = [
        f"{path.name}:{number}"
        for path in (SOURCE / "db" / "sql").glob("*.sql")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]
    assert not long


def test_no_module_has_catch_all_name() -> None:
    found = [path for path in ROOT.joinpath("src").rglob("*") if path.stem in BANNED_NAMES]
    assert not found


def test_sql_is_only_under_db() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()[:60]!r}"
        for path in modules(SOURCE)
        if path.relative_to(SOURCE).parts[0] != "db"
        for match in SQL.finditer(path.read_text())
    ]
    assert not found


def test_pattern_of_sql_matches_sql() -> None:
    assert SQL.search('await connection.fetch("SELECT id FROM run")')
    assert SQL.search('"UPDATE run_live SET rev = rev + 1"')
    assert not SQL.search("# select what is due from the list")


def test_migrations_are_numbered_and_no_number_is_taken_twice() -> None:
    """Gaps are permitted: every missing migration is applied, regardless of the last applied number."""
    names = sorted(path.name for path in (SOURCE / "db" / "migrations").glob("*.sql"))
    assert names
    assert len({name[:4] for name in names}) == len(names) and names[0].startswith("0001")
    assert all(re.fullmatch(r"\d{4}_[a-z]+(_[a-z]+)+\.sql", name) for name in names)


def test_every_package_has_a_docstring() -> None:
    undocumented = [path for path in SOURCE.rglob("__init__.py") if not path.read_text().startswith('"""')]
    assert not undocumented
