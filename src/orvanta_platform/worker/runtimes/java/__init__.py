"""Java scripts: a class `Main` with a static method `main(...)`. Arguments are passed by name.

A script is compiled once and uses only the standard library.
"""

from __future__ import annotations

import os
import re

from orvanta_platform.worker.runtimes.manifest import PATH, Build, Runtime


def version() -> str:
    """Return the version of the installed JDK ("17.0.21"), read from its files. Raises OSError if it is unknown."""
    import shutil

    found = shutil.which("javac", path=PATH)
    if found is None:
        raise FileNotFoundError("there is no javac")
    with open(f"{os.path.dirname(os.path.realpath(found))}/../release", encoding="utf-8") as file:
        match = re.search(r'^JAVA_VERSION="([^"]+)"', file.read(10_000), re.MULTILINE)
    if match is None:
        raise OSError("the file release of the JDK names no version")
    return match[1]


RUNTIME = Runtime(
    languages=("java",),
    host="orvanta_platform.worker.runtimes.java.host",
    program="javac",
    remedy="install a JDK of Java 17 or newer and have `javac` and `java` in /usr/bin or /usr/local/bin",
    build=Build(
        "orvanta_platform.worker.runtimes.java.builder",
        version,
        sample="public class Main { public static void main() {} }\n",
    ),
)
