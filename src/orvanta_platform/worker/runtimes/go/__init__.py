"""Go scripts: `package inner` with a function `main(...)`. Arguments are passed by name.

A script is compiled once, with the standard library and the modules that it imports.
"""

from __future__ import annotations

import os
import re

from orvanta_platform.worker.runtimes.manifest import PATH, Build, Runtime


def version() -> str:
    """Return the version of the installed Go ("1.24.4"), read from its files. Raises OSError if it is unknown."""
    import shutil

    found = shutil.which("go", path=PATH)
    if found is None:
        raise FileNotFoundError("there is no go")
    with open(f"{os.path.dirname(os.path.realpath(found))}/../VERSION", encoding="utf-8") as file:
        match = re.search(r"go(\d+\.\d+\S*)", file.read(1000))
    if match is None:
        raise OSError("the file VERSION of Go names no version")
    return match[1]


RUNTIME = Runtime(
    languages=("go",),
    host="orvanta_platform.worker.runtimes.go.host",
    program="go",
    dependencies="go",
    remedy="install Go 1.21 or newer and have `go` in /usr/bin or /usr/local/bin",
    build=Build("orvanta_platform.worker.runtimes.go.builder", version, sample="package inner\n\nfunc main() {}\n"),
)
