"""C# scripts on Mono: a class with a static method `Main(...)`. Arguments are passed by name.

A script is compiled once and uses only the class library of Mono.
"""

from __future__ import annotations

import os

from orvanta_platform.worker.runtimes.manifest import PATH, Build, Runtime


def version() -> str:
    """Return the size and time of the installed runtime, in place of its version. Raises OSError if it is missing."""
    import shutil

    found = shutil.which("mono", path=PATH)
    if found is None:
        raise FileNotFoundError("there is no mono")
    status = os.stat(found)
    return f"{status.st_size}.{int(status.st_mtime)}"


RUNTIME = Runtime(
    languages=("csharp",),
    host="orvanta_platform.worker.runtimes.csharp.host",
    program="mcs",
    remedy="install mono-mcs and mono-runtime, and have `mcs` and `mono` in /usr/bin or /usr/local/bin",
    build=Build(
        "orvanta_platform.worker.runtimes.csharp.builder",
        version,
        sample="class Script { public static void Main() {} }\n",
    ),
)
