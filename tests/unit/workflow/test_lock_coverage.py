"""Locks that have all packages of a script, which are not locked again."""

from __future__ import annotations

import pytest

from orvanta_platform.workflow.requirements.lock_coverage import covers
from orvanta_platform.workflow.requirements.needs import Requirements


@pytest.mark.parametrize(
    ("name", "range_", "covered"),
    [
        ("psycopg", "[binary]", True),
        ("psycopg[binary]", "", True),
        ("psycopg", ">=3", False),
        ("psycopg", "==3.2.1; python_version > '3'", False),
        ("Psy_Copg", "[binary,pool]==3.2.1", True),
        ("psycopg", "==3.2.2", False),
        ("psycopg", "[binary]==3.2.2", False),
        ("psycopg-binary", "", True),
        ("psycopg2", "", False),
    ],
)
def test_python_lock_with_package(name: str, range_: str, covered: bool) -> None:
    """Locks do not repeat the extras of a package."""
    lock = "psy-copg==3.2.1 \\\n    --hash=sha256:aa\npsycopg==3.2.1\npsycopg-binary[x]==3.2.1"
    assert covers("python3", lock, Requirements("python", ((name, range_),))) is covered
