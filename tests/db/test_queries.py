"""Named queries: each has a description, a unique name, and is valid in the real schema."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db import queries
from orvanta_platform.db.queries import load

_FOLDER = importlib.resources.files("orvanta_platform.db").joinpath("sql")
NOUNS = sorted(entry.name.removesuffix(".sql") for entry in _FOLDER.iterdir())
EVERY = [(noun, query) for noun in NOUNS for query in load(noun).values()]


@pytest.mark.every_postgres
async def test_every_query_fits_the_schema(database: TestDatabase) -> None:
    """Each query is prepared by the role that executes it: the application, or, for migrations, the owner."""
    owner, app = await asyncpg.connect(database.owner_url), await asyncpg.connect(database.app_url)
    try:
        for noun, query in EVERY:
            try:
                await (owner if noun == "schema" else app).prepare(query.text)
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{noun}.{query.name}: {error}") from error
    finally:
        await owner.close()
        await app.close()


def test_every_query_is_described() -> None:
    """The description is a sentence, and no parameter number is skipped."""
    for noun, query in EVERY:
        name = f"{noun}.{query.name}: {query.description}"
        assert query.description[0].isupper() and query.description.endswith((".", ")")), name
        numbers = {int(number) for number in re.findall(r"\$(\d+)", query.text)}
        assert numbers == set(range(1, len(numbers) + 1)), name


def test_every_query_is_used() -> None:
    """Each named query is used under db/, control/ or cli/."""
    source = importlib.resources.files("orvanta_platform")
    text = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("db", "control", "cli")
        for path in source.joinpath(folder).iterdir()
        if path.name.endswith(".py")
    )
    unused = [f"{noun}.{query.name}" for noun, query in EVERY if not _is_named(query.name, text)]
    assert not unused


def _is_named(name: str, text: str) -> bool:
    """Return true if the name occurs, or its first word in an f-string that appends the name of a part."""
    return f'"{name}"' in text or f'"{name.split("_")[0]}_{{' in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "begin"),
        ("-- name: a\nSELECT 1", "description"),
        ("-- name: a\n-- One.\nSELECT 1\n-- name: a\n-- Two.\nSELECT 2", "twice"),
    ],
)
def test_malformed_file_is_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.sql").write_text(text)
    monkeypatch.setattr(queries, "_FOLDER", tmp_path)
    with pytest.raises(ValueError, match=message):
        load.__wrapped__("broken")
