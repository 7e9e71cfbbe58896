"""Orders for the host in the cell (host.py), and the reading of locks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from orvanta_platform.worker.runtimes.cells import PYTHON
from orvanta_platform.workflow.requirements import Ecosystem, Requirements

_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_VERSION: Final = r"(?:===|[=~!<>]=|[<>])[ ]?[A-Za-z0-9.*+!_-]+"
_LINE: Final = re.compile(
    rf"""[A-Za-z0-9][A-Za-z0-9._-]*
        (?:[ ]?\[[A-Za-z0-9._, -]*\])?
        (?:[ ]?@[ ]?(?:git\+)?https?://[^ \\]+|[ ]?{_VERSION}(?:[ ]?,[ ]?{_VERSION})*)?
        (?:[ ]?;(?:(?![ ]-)[A-Za-z0-9_.,'"<>=!~()+* -])+)?
        (?:[ ]--hash=[a-z0-9]+:[A-Za-z0-9]+)*""",
    re.VERBOSE,
)
"""A requirement with its hashes, without adjacent spaces."""


class NotOnlyPackages(ValueError):
    """Raised if a Python lock contains options or other lines that are no requirement; names the line."""


def lock_order(requirements: Requirements, *, builds: bool, python: str = PYTHON) -> bytes:
    """Return the order to resolve these requirements."""
    return _order(
        "lock",
        requirements.ecosystem,
        builds,
        python,
        requirements=requirements.lines,
        packages=requirements.packages,
    )


def install_order(ecosystem: Ecosystem, lock: str, *, builds: bool, python: str = PYTHON) -> bytes:
    """Return the order to install the packages of a lock. Raises NotOnlyPackages."""
    if ecosystem == "python":
        lines = python_lines(lock)
        return _order("install", ecosystem, builds, python, lock="\n".join(lines) + "\n", hashed=is_hashed(lines))
    return _order("install", ecosystem, builds, python, lock=lock)


def _order(action: str, ecosystem: Ecosystem, builds: bool, python: str, **more: Any) -> bytes:
    return msgspec.json.encode({"action": action, "ecosystem": ecosystem, "builds": builds, "python": python, **more})


def is_hashed(lines: Sequence[str]) -> bool:
    """Return whether every line of a Python lock has a hash, which a lock made by a caller may lack."""
    return bool(lines) and all("--hash=" in line for line in lines)


def python_lines(lock: str) -> list[str]:
    """Return the requirements of a Python lock, one a line. Raises NotOnlyPackages.

    Only what is returned is passed to uv. In options and by variables (`-r /proc/self/environ`, `${VARIABLE}`), uv
    would read files and the environment, which contains passwords of package indexes, and show them in its messages.
    """
    lines, words = [], list[str]()
    for line in lock.splitlines():
        text = _COMMENT.sub("", line).strip()
        # uv continues no comment, even if it ends with a backslash.
        is_continued = text.endswith("\\") and line.rstrip().endswith(text)
        words += (text[:-1] if is_continued else text).split()
        if not is_continued:
            lines.append(" ".join(words))
            words = []
    lines = [each for each in (*lines, " ".join(words)) if each]
    wrong = next((each for each in lines if "${" in each or not _LINE.fullmatch(each)), None)
    if wrong is not None:
        raise NotOnlyPackages(wrong)
    return lines


def digest_of(ecosystem: Ecosystem, lock: str, python: str = PYTHON) -> str:
    """Return the name of the folder for a lock: 40 hex digits, which depend on the version of Python."""
    kind = python if ecosystem == "python" else ecosystem
    return hashlib.sha256(f"{kind}\n{lock}".encode()).hexdigest()[:40]
