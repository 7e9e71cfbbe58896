"""Rust scripts: a function `main(...)`. Arguments are passed by name.

A script is compiled once and uses only the standard library.
"""

from __future__ import annotations

import os

from orvanta_platform.worker.runtimes.manifest import PATH, Build, Runtime


def version() -> str:
    """Return the size and time of the installed compiler, in place of its version. Raises OSError if it is missing."""
    import shutil

    found = shutil.which("rustc", path=PATH)
    if found is None:
        raise FileNotFoundError("there is no rustc")
    status = os.stat(found)
    return f"{status.st_size}.{int(status.st_mtime)}"


RUNTIME = Runtime(
    languages=("rust",),
    host="orvanta_platform.worker.runtimes.rust.host",
    program="rustc",
    remedy="install Rust 1.75 or newer and a linker, and have `rustc` in /usr/bin or /usr/local/bin",
    build=Build("orvanta_platform.worker.runtimes.rust.builder", version, sample="fn main() {}\n"),
)
