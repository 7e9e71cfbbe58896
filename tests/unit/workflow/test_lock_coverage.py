"""Locks that have all packages of a script, which are not locked again."""

from __future__ import annotations

import pytest

from orvanta_platform.workflow.requirements.lock_coverage import covers, missing_packages
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


@pytest.mark.parametrize(
    ("language", "lock", "name", "range_", "is_missing"),
    [
        ("python3", "six==1.16.0", "six", "", False),
        ("python3", "six==1.16.0", "Six", ">=1.10,<2", False),
        ("python3", "six==1.16.0", "six", "==1.*", False),
        ("python3", "six==1.16.0", "six", "==1.17.0", True),
        ("python3", "six @ https://example.org/six.whl", "six", " @ https://example.org/six.whl", False),
        ("python3", "six==1.16.0", "httpx", "[http2]>=0.28", True),
        ("python3", "six==1.16.0", "tomli", "; python_version < '3.11'", False),
        ("python3", "six==1.16.0", "psycopg2", "", True),
        ("python3", "# py: 3.12", "six", "", False),
        ("bun", '{"dependencies": {"axios": "^1"}}\n//bun.lock\n{}', "axios", "latest", False),
        ("bun", '{"dependencies": {"axios": "^1"}}\n//bun.lock\n{}', "axios", "2", True),
        ("bun", '{"dependencies": {"axios": "^1"}}\n//bun.lock\n{}', "ms", "latest", True),
        ("bun", "no lock", "ms", "latest", False),
    ],
)
def test_missing_packages_are_certainly_missing(
    language: str, lock: str, name: str, range_: str, is_missing: bool
) -> None:
    """Nothing is reported where the texts do not decide, nor for locks that cannot be used."""
    needed = Requirements("npm" if language == "bun" else "python", ((name, range_),))
    assert bool(missing_packages(language, lock, needed)) is is_missing
    assert not (is_missing and covers(language, lock, needed))
