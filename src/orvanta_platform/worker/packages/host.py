"""Runs uv or bun inside a cell, to make a lock or to install from one. Standard library only.

The arguments are an Order (orders.py) as JSON. Nothing of a package is run: uv takes wheels alone unless builds are
allowed, bun runs no scripts. What they print is the job's log; the answer is `{"lock": text}`, or that they failed.
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
"""Between the package.json and the bun.lock of an npm lock."""

_ORDER, _SAID = "order.json", "said.txt"
_LOCKED = re.compile(r"^Saved lockfile", re.MULTILINE)
_INSTALLED = re.compile(r"^\d+ packages? installed|^Checked \d+ install", re.MULTILINE)
_ERROR = re.compile(r"^error:", re.MULTILINE)
_TAIL = 40
_MISMATCH = ("Hash mismatch", "IntegrityCheckFailed", "Integrity check failed")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Do what the order says; see `Host.run`."""
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
    """Hand over what Bun has made and said."""
    if not os.path.exists(_ORDER):
        return
    order = json.loads(_read(_ORDER))
    try:
        lock = _end_of_bun(job, order)
    except _Failed as error:
        _answer(job, ERROR, error.described)
    else:
        _answer(job, RESULT, {"lock": lock, "log": _read(_SAID)})


def _answer(job: Job, kind: bytes, answer: dict[str, Any]) -> None:
    write_answer(job.result, kind, json.dumps(answer).encode())


class _Failed(Exception):
    """A program did not do what it should."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.described = {"name": name, "message": message, "stack": None}


def _lock_python(job: Job, order: dict[str, Any]) -> str:
    _write("requirements.in", "\n".join(order["requirements"]) + "\n")
    # Its prebuilt form tells all that a lock needs; a source distribution would have to be run for it.
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
        environ.pop("UV_CONSTRAINT", None)  # it has counted when the lock was made
    words = [_program(job, "uv"), "pip", verb, *fixed, *builds, *options]
    import subprocess  # rarely needed and large: every cell would carry it

    with subprocess.Popen(
        words,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # it repeats the whole lock there
        stderr=subprocess.PIPE,
    ) as process:
        said = _pass_on(process)
        code = process.wait()
    if code:
        raise _failure(failure, said or f"uv ended with exit code {code}")


def _become_bun(job: Job, order: dict[str, Any]) -> NoReturn:
    """Bun must be the job's first process: of no other one may /proc be read everywhere, and it reads its own.

    What it says goes to a file, for `finish` to judge by: nobody in the cell sees its exit code.
    """
    manifest, lock = _manifest_and_lock(order)
    with open(_ORDER, "w", encoding="utf-8") as file:
        json.dump({**order, "manifest": manifest}, file)
    folder = f"{job.output}/tree"
    said = os.open(_SAID, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.mkdir(folder)
    os.chdir(folder)
    _write("package.json", manifest)
    options = ["--lockfile-only", "--save-text-lockfile"]
    if order["action"] == "install":
        _write("bun.lock", lock)
        options = ["--frozen-lockfile", "--backend=copyfile", "--production"]
    for number in (1, 2):
        os.dup2(said, number)
    words = [_program(job, "bun"), "install", "--ignore-scripts", "--linker=hoisted", "--no-progress", *options]
    environ = {**os.environ, "BUN_INSTALL_CACHE_DIR": f"{job.output}/cache/bun", "DO_NOT_TRACK": "1"}
    os.execve(words[0], words, environ)


def _manifest_and_lock(order: dict[str, Any]) -> tuple[str, str]:
    """What goes into package.json (nothing but dependencies) and bun.lock."""
    if order["action"] == "lock":
        return json.dumps({"dependencies": dict(order["packages"])}, indent=2) + "\n", ""
    manifest, separator, lock = order["lock"].partition(SEPARATOR)
    try:
        wanted = json.loads(manifest).get("dependencies", {})
    except (ValueError, AttributeError):
        separator = ""
    if not separator or not isinstance(wanted, dict):
        raise _Failed("install_failed", "the lock is not a package.json and a bun.lock")
    return json.dumps({"dependencies": wanted}), lock


def _end_of_bun(job: Job, order: dict[str, Any]) -> str | None:
    """The lock, None of an install. Raises _Failed unless Bun said that it has done it."""
    said, manifest, folder = _read(_SAID), order["manifest"], f"{job.output}/tree"
    done = _LOCKED if order["action"] == "lock" else _INSTALLED
    if done.search(said) is None or _ERROR.search(said) is not None:
        raise _failure(f"{order['action']}_failed", said.strip() or "bun ended without a word")
    if order["action"] == "lock":
        return f"{manifest}{SEPARATOR}{_read(f'{folder}/bun.lock')}"
    for name, version in json.loads(manifest)["dependencies"].items():
        _name_with_version(f"{folder}/node_modules", str(name), str(version))
    return None


def _name_with_version(modules: str, name: str, version: str) -> None:
    """Have `import "name@version"` find the package as it is written, without a change to the script."""
    scope, slash, bare = name.rpartition("/")
    if "/" not in version and os.path.isdir(f"{modules}/{name}"):
        os.symlink(bare, f"{modules}/{scope}{slash}{bare}@{version}")


def _program(job: Job, name: str) -> str:
    path = job.programs.get(name)
    if path is None:
        raise _Failed("no_runtime", f"{name} is not installed on this worker")
    return path


def _failure(name: str, said: str) -> _Failed:
    """What went wrong, by the last lines of what a program said."""
    last = "\n".join(said.splitlines()[-_TAIL:])
    if any(sign in last for sign in _MISMATCH):
        return _Failed("lock_hash_mismatch", f"what the index gives is not what was locked: {last}")
    return _Failed(name, last)


def _pass_on(process: subprocess.Popen[bytes]) -> str:
    """Copy what a program says to the log; gives the last lines."""
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
