"""Interpreters of Python on this machine. Scripts that ask for another version than the worker's run in these."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from orvanta_platform.worker.runtimes.cells import PYTHON
from orvanta_platform.workflow.requirements import satisfies

MINORS: Final = (14, 13, 12, 11)
"""Minor versions of Python 3 that jobs can run in, the first choice first."""

_DESCRIBE: Final = "import json, sys; print(json.dumps([sys.version_info[:3], sys.base_prefix]))"
_MAX_PROBE_S: Final = 10.0
_SHIMS: Final = "/shims"
"""Folder of programs that start the interpreter of the current folder, which jobs do not have."""


class Interpreter(msgspec.Struct, frozen=True):
    """One version of Python."""

    version: tuple[int, ...]
    """Major, minor and patch."""

    path: str
    """The program itself, not a link to it."""

    prefix: str
    """Folder with its standard library."""

    @property
    def minor(self) -> str:
        """The version as scripts name it ("3.13")."""
        return f"{self.version[0]}.{self.version[1]}"


OWN: Final = Interpreter(sys.version_info[:3], PYTHON, sys.base_prefix)
"""Interpreter of the worker."""


def choose(wanted: str, named: tuple[str, ...]) -> Interpreter | None:
    """Return the worker's interpreter if it has a wanted version, otherwise the newest that has; None if there is none.

    `named` are the paths of ORVANTA_PYTHONS.
    """
    if satisfies(OWN.version, wanted):
        return OWN
    return next((each for each in installed(named) if satisfies(each.version, wanted)), None)


@functools.cache
def installed(named: tuple[str, ...]) -> tuple[Interpreter, ...]:
    """Return one interpreter of each version, the newest first: the worker's, those of `named`, then those found."""
    found = {OWN.minor: OWN}
    for path in dict.fromkeys(map(os.path.realpath, (*named, *_candidates()))):
        interpreter = _described(path)
        if interpreter is not None and interpreter.version[0] == 3 and interpreter.version[1] in MINORS:
            found.setdefault(interpreter.minor, interpreter)
    return tuple(sorted(found.values(), key=lambda each: each.version, reverse=True))


def _candidates() -> Iterator[str]:
    """Yield the paths of programs that may be interpreters: on PATH, of pyenv, of uv."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    folders = [Path(each) for each in os.get_exec_path() if not each.endswith(_SHIMS)]
    for minor in MINORS:
        for folder in dict.fromkeys((*folders, Path("/usr/local/bin"), Path("/usr/bin"))):
            yield str(folder / f"python3.{minor}")
        for folder, pattern in (
            (pyenv / "versions", f"3.{minor}.*"),
            (home / ".local/share/uv/python", f"*-3.{minor}.*"),
        ):
            yield from (str(each / "bin" / f"python3.{minor}") for each in sorted(folder.glob(pattern), reverse=True))


def _described(path: str) -> Interpreter | None:
    if not os.access(path, os.X_OK):
        return None
    command: Sequence[str] = (path, "-I", "-S", "-c", _DESCRIBE)
    try:
        done = subprocess.run(command, capture_output=True, env={}, timeout=_MAX_PROBE_S, check=True)
        version, prefix = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(tuple(version), path, prefix)
