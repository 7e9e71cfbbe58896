"""Host of TypeScript and JavaScript scripts inside a cell, run by Bun. Standard library only."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.ts"
_PACKAGES = "node_modules"
# Read by the zygote, as the package's own folder does not exist in a cell.
VALUES = Path(__file__).with_name("values.ts").read_text()
_HOST = VALUES + Path(__file__).with_name("host.ts").read_text()
_SCHEME = "npm:"
_STREAMS = re.compile(r"std(?:out|err)")
_MAIN = re.compile(r"\bexport\b[^\n(]{0,100}\bmain\b[^\n(]{0,100}\(")
_EXPORTED = re.compile(r"\bexport\s{0,9}\{[^}]{0,1000}\bmain\b")
_DECLARED = re.compile(r"\b(?:function|const|let|var)\s{1,9}main\b[^\n(]{0,100}\(")
"""Declaration of a `main` that a list exports."""

_NONE = r"(?:null|undefined)\s{0,9}"
_DATE = re.compile(
    rf"([\w$]+)\s{{0,9}}\??:\s{{0,9}}(?:{_NONE}\|\s{{0,9}}){{0,3}}Date\s{{0,9}}(?:\|\s{{0,9}}{_NONE}){{0,3}}[,=)]"
)
_COMMENT = re.compile(
    r""" ("(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `(?:[^`\\]|\\.)*`) | /\*.*?\*/ | //[^\n]*""",
    re.DOTALL | re.VERBOSE,
)
"""Comment, or text in quotation marks, which is the group."""

_PARAMETER_CHARS = 10_000


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `bun -e <host.ts>`; see `Host.run`."""
    try:
        script = _SCRIPT if job.imports is None else _lay_out(job, job.imports)
        with open(script, "w", encoding="utf-8") as file:
            file.write(content)
        if job.package is not None:
            os.symlink(f"{job.package}/{_PACKAGES}", _PACKAGES)
        # Packages may use the streams even if the script does not name them.
        streams = job.package is not None or _STREAMS.search(content) is not None
        packages = [f"{job.package}/{_PACKAGES}"] if job.package is not None else []
        # The clients of the platform's API come last: a required one takes precedence.
        job.env["NODE_PATH"] = os.pathsep.join([*packages, job.programs["npm"]])
        schemes = job.imports is not None or _SCHEME in content
        flags = map(int, (job.dedicated, streams, schemes))
        numbers = [program.inherited(args), job.result, job.result_bytes, *flags]
        job.env["BUN_RUNTIME_TRANSPILER_CACHE_PATH"] = "0"  # Bun would also cache host.ts, in the job's folder
        # Prevents the download of packages that are imported but not installed.
        command = [program.find("bun", job), "--no-install", "-e", _HOST]
        program.become([*command, *map(str, numbers), script, job.imports or "", job.entry, *dates(content)], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"bun cannot be started: {error}")


def dates(content: str) -> list[str]:
    """Return the parameters of `main` whose annotation is `Date`, which receive an object instead of a text.

    The annotations do not exist when the script runs.
    """
    if "Date" not in content:
        return []
    code = _COMMENT.sub(lambda found: found[1] or " ", content)
    start = _MAIN.search(code) or (_EXPORTED.search(code) and _DECLARED.search(code))
    if start is None:
        return []
    depth, outer = 1, ""
    for char in code[start.end() : start.end() + _PARAMETER_CHARS]:
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            break
        outer += char if depth == 1 else " "
    return [match[1] for match in _DATE.finditer(f"{outer},")]


def _lay_out(job: Job, imports: str) -> str:
    """Prepare the job's folder for a script that imports others; return the path of the script's file in it.

    The file has the script's path in the workspace, so that its relative imports have the same meaning as in the
    imported scripts. Everything else in the folders above it is linked from `imports`.
    """
    with open("tsconfig.json", "w", encoding="utf-8") as file:
        json.dump({"compilerOptions": {"paths": {f"/{name}/*": [f"{imports}/{name}/*"] for name in "fu"}}}, file)
    if not job.path:
        return _SCRIPT
    folders = job.path.split("/")[:-1]
    for depth, folder in enumerate(["", *folders]):
        path = "/".join(folders[:depth])
        if folder:
            os.mkdir(path)
        source = f"{imports}/{path}"
        inner = folders[depth] if depth < len(folders) else ""
        for name in os.listdir(source) if os.path.isdir(source) else ():
            if name not in (inner, "tsconfig.json"):
                os.symlink(f"{source}/{name}", f"{path}/{name}" if path else name)
    return f"{job.path}.ts"


finish: None = None
"""No function, as Bun's process writes its result itself."""
