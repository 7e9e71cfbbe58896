"""The platform as it was before its newest migrations, as a program beside that of this commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clone import ROOT, copy_built, copy_environment

_MIGRATIONS = "src/orvanta_platform/db/migrations"
_FILES = ("src", "pyproject.toml", "requirements.lock")
_CHANGES = 5
"""Number of commits with new migrations that the earlier commit precedes."""


def find_commit() -> str | None:
    """Return UPGRADE_FROM, or the commit before the newest migrations; None: the history ends with this commit.

    Older code must not use the database after a breaking migration, so the commit is later than the last of these.
    """
    if chosen := os.environ.get("UPGRADE_FROM"):
        return chosen
    found = None
    for commit in _git("log", "--format=%H", "--diff-filter=A", f"-{_CHANGES}", "--", _MIGRATIONS).split():
        added = _git("show", "--format=", "--name-only", "--diff-filter=A", commit, "--", _MIGRATIONS).split()
        names = [name for name in added if (ROOT / name).is_file()]
        if not names:  # taken out again before a release
            continue
        if any((ROOT / name).read_text().startswith("-- breaking") for name in names):
            break
        if len(_git("log", "--format=%H", "-2", commit).split()) == 2:
            found = f"{commit}^"
    return found


@contextmanager
def program(commit: str) -> Iterator[Path]:
    """Yield the command `orvanta` of a commit, whose packages are those that are installed here."""
    folder = Path(tempfile.mkdtemp(prefix="orvanta-earlier-"))
    folder.chmod(0o711)
    try:
        archive = subprocess.run(
            ["git", "archive", "--format=tar", commit, *_FILES], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
        copy_built(folder)
        copy_environment(folder)
        yield folder / ".venv" / "bin" / "orvanta"
    finally:
        shutil.rmtree(folder)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout
