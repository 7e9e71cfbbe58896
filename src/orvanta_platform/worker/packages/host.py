"""Host that runs uv or bun inside a cell, to make a lock or to install from one. Standard library only.

The arguments are an order (orders.py) as JSON. No code of a package is run: uv accepts only wheels unless builds are
allowed, and bun runs no scripts. The output of the programs is the job's log. The answer is `{"lock": text}` or an
error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from orvanta_platform.sandbox.job import ERROR, RESULT, Job, write_answer

if TYPE_CHECKING:
    import subprocess

SEPARATOR = "//bun.lock\n"
"""Separator of the package.json and the bun.lock in an npm lock."""

_ORDER, _BUN_OUTPUT = "order.json", "output.txt"
_LOCKED = re.compile(r"^Saved lockfile", re.MULTILINE)
_INSTALLED = re.compile(r"^\d+ packages? installed|^Checked \d+ install", re.MULTILINE)
_ERROR = re.compile(r"^error:", re.MULTILINE)
_TAIL = 40
_MISMATCH = ("Hash mismatch", "IntegrityCheckFailed", "Integrity check failed")
_NOT_IN_UV = re.compile(r"Because (\S+) was not found in the (?:package registry|provided package locations)")
_NOT_IN_BUN = re.compile(r"^error: (@?[^@\s]+)@\S+ failed to resolve", re.MULTILINE)


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Carry out the order; see `Host.run`."""
    order: dict[str, Any] = json.loads(args)
    try:
        if order["ecosystem"] == "npm":
            _become_bun(job, order)
        lock = None
        if order["action"] == "lock":
            lock = _lock_python(job, order)
        else:
            _install_python(job, order)
    except _Failed as error:
        _answer(job, ERROR, error.described)
    else:
        _answer(job, RESULT, {"lock": lock})
    os._exit(0)


def finish(job: Job) -> None:
    """Answer with the lock and output of Bun."""
    if not os.path.exists(_ORDER):
        return
    order = json.loads(_read(_ORDER))
    try:
        lock = _bun_result(job, order)
    except _Failed as error:
        _answer(job, ERROR, error.described)
    else:
        _answer(job, RESULT, {"lock": lock, "log": _read(_BUN_OUTPUT)})


def _answer(job: Job, kind: bytes, answer: dict[str, Any]) -> None:
    write_answer(job.result, kind, json.dumps(answer).encode())


class _Failed(Exception):
    """Raised if a program failed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.described = {"name": name, "message": message, "stack": None}


def _lock_python(job: Job, order: dict[str, Any]) -> str:
    _write("requirements.in", "\n".join(order["requirements"]) + "\n")
    # Wheels contain all metadata that a lock needs; a source distribution would have to be run.
    options = ["--generate-hashes", "--no-header", "--no-annotate", "--output-file", "requirements.txt"]
    _uv(job, order, "compile", [*options, "requirements.in"], "lock_failed")
    major, minor, *_ = sys.version_info
    return f"# py: {major}.{minor}\n{_read('requirements.txt')}"


def _install_python(job: Job, order: dict[str, Any]) -> None:
    _write("requirements.txt", order["lock"])
    options = ["--no-deps", "--target", f"{job.output}/tree", "--link-mode", "copy", "--compile-bytecode"]
    if order["hashed"]:
        options.append("--require-hashes")
    _uv(job, order, "install", [*options, "--requirements", "requirements.txt"], "install_failed")


def _uv(job: Job, order: dict[str, Any], verb: str, options: list[str], failure: str) -> None:
    fixed = [
        "--system-certs",
        "--no-progress",
        "--color",
        "never",
        "--no-python-downloads",
        "--python",
        order["python"],
    ]
    builds = [] if order["builds"] else ["--no-build"]
    environ = {**os.environ, "UV_CACHE_DIR": f"{job.output}/cache/uv"}
    if verb == "install":
        environ.pop("UV_CONSTRAINT", None)  # constraints were applied when the lock was made
    words = [_program(job, "uv"), "pip", verb, *fixed, *builds, *options]
    import subprocess  # large and rarely needed: imported here to keep it out of every cell

    with subprocess.Popen(
        words,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # uv prints the whole lock there
        stderr=subprocess.PIPE,
    ) as process:
        output = _forward_output(process)
        code = process.wait()
    if code:
        raise _failure(failure, output or f"uv ended with exit code {code}")


def _become_bun(job: Job, order: dict[str, Any]) -> NoReturn:
    """Replace this process by Bun. Bun reads its own /proc, which is readable only for the job's first process.

    Its output goes to a file, from which `finish` determines success, as no process in the cell sees its exit code.
    """
    manifest, lock = _manifest_and_lock(order)
    with open(_ORDER, "w", encoding="utf-8") as file:
        json.dump({**order, "manifest": manifest}, file)
    folder = f"{job.output}/tree"
    output = os.open(_BUN_OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.mkdir(folder)
    os.chdir(folder)
    _write("package.json", manifest)
    options = ["--lockfile-only", "--save-text-lockfile"]
    if order["action"] == "install":
        _write("bun.lock", lock)
        options = ["--frozen-lockfile", "--backend=copyfile", "--production"]
    for number in (1, 2):
        os.dup2(output, number)
    words = [_program(job, "bun"), "install", "--ignore-scripts", "--linker=hoisted", "--no-progress", *options]
    environ = {**os.environ, "BUN_INSTALL_CACHE_DIR": f"{job.output}/cache/bun", "DO_NOT_TRACK": "1"}
    os.execve(words[0], words, environ)


def _manifest_and_lock(order: dict[str, Any]) -> tuple[str, str]:
    """Return the contents for package.json (only dependencies) and bun.lock."""
    if order["action"] == "lock":
        return json.dumps({"dependencies": dict(order["packages"])}, indent=2) + "\n", ""
    manifest, separator, lock = order["lock"].partition(SEPARATOR)
    try:
        dependencies = json.loads(manifest).get("dependencies", {})
    except (ValueError, AttributeError):
        separator = ""
    if not separator or not isinstance(dependencies, dict):
        raise _Failed("install_failed", "the lock is not a package.json and a bun.lock")
    return json.dumps({"dependencies": dependencies}), lock


def _bun_result(job: Job, order: dict[str, Any]) -> str | None:
    """Return the lock, or None after an install. Raises _Failed unless Bun reported success."""
    output, manifest, folder = _read(_BUN_OUTPUT), order["manifest"], f"{job.output}/tree"
    done = _LOCKED if order["action"] == "lock" else _INSTALLED
    if done.search(output) is None or _ERROR.search(output) is not None:
        raise _failure(f"{order['action']}_failed", output.strip() or "bun ended without any output")
    if order["action"] == "lock":
        return f"{manifest}{SEPARATOR}{_read(f'{folder}/bun.lock')}"
    for name, version in json.loads(manifest)["dependencies"].items():
        _name_with_version(f"{folder}/node_modules", str(name), str(version))
    return None


def _name_with_version(modules: str, name: str, version: str) -> None:
    """Make `import "name@version"` find the package, without a change to the script."""
    scope, slash, bare = name.rpartition("/")
    if "/" not in version and os.path.isdir(f"{modules}/{name}"):
        os.symlink(bare, f"{modules}/{scope}{slash}{bare}@{version}")


def _program(job: Job, name: str) -> str:
    path = job.programs.get(name)
    if path is None:
        raise _Failed("no_runtime", f"{name} is not installed on this worker")
    return path


def _failure(name: str, output: str) -> _Failed:
    """Return the error for a failed program, with the last lines of its output."""
    last = "\n".join(output.splitlines()[-_TAIL:])
    if any(sign in last for sign in _MISMATCH):
        return _Failed("lock_hash_mismatch", f"the files of the index differ from what was locked: {last}")
    return _Failed(name, f"{_advice(last)}{last}")


def _advice(output: str) -> str:
    """Return what to do about a package that the index does not have; empty for other failures."""
    if (python := _NOT_IN_UV.search(output)) is not None:
        package, declare = python[1], "in a comment `# extra_requirements:`"
    elif "- 404" in output and (npm := _NOT_IN_BUN.search(output)) is not None:
        package, declare = npm[1], 'in the import, for example `from "npm:name@1"`'
    else:
        return ""
    return (
        f"The package index has no package {package}. Check the spelling of the import. "
        f"If the package has another name, declare it {declare}.\n"
    )


def _forward_output(process: subprocess.Popen[bytes]) -> str:
    """Copy a program's output to the log and return its last lines."""
    last: deque[str] = deque(maxlen=_TAIL)
    assert process.stderr is not None
    for line in process.stderr:
        os.write(1, line)
        last.append(line.decode("utf-8", "replace").rstrip())
    return "\n".join(last).strip()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
