"""Host of the programs that make locks and install packages, inside a cell. Standard library only.

The arguments are an order (orders.py) as JSON. No code of a package is run: uv accepts only wheels unless builds are
allowed, and the other programs run no scripts. The output of the programs is the job's log. The answer is
`{"lock": text}` or an error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import ERROR, RESULT, Job, write_answer
from orvanta_platform.worker.packages import composer, gems, go_modules
from orvanta_platform.worker.packages.npm_lock import other_source
from orvanta_platform.worker.packages.programs import TAIL, OrderFailed, find, read, write
from orvanta_platform.worker.packages.programs import run as run_program
from orvanta_platform.workflow.lock_formats import BUN_LOCK

_ORDER, _BUN_OUTPUT = "order.json", "output.txt"
_LOCKED = re.compile(r"^Saved lockfile", re.MULTILINE)
_INSTALLED = re.compile(r"^\d+ packages? installed|^Checked \d+ install", re.MULTILINE)
_ERROR = re.compile(r"^error:", re.MULTILINE)
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
        make_lock, install = _ECOSYSTEMS[order["ecosystem"]]
        if order["action"] == "lock":
            lock = make_lock(job, order)
        else:
            install(job, order)
    except OrderFailed as error:
        _answer(job, ERROR, error.described)
    else:
        _answer(job, RESULT, {"lock": lock})
    os._exit(0)


def finish(job: Job) -> None:
    """Answer with the lock and output of Bun."""
    if not os.path.exists(_ORDER):
        return
    order = json.loads(read(_ORDER))
    try:
        lock = _bun_result(job, order)
    except OrderFailed as error:
        _answer(job, ERROR, error.described)
    else:
        _answer(job, RESULT, {"lock": lock, "log": read(_BUN_OUTPUT)})


def _answer(job: Job, kind: bytes, answer: dict[str, Any]) -> None:
    write_answer(job.result, kind, json.dumps(answer).encode())


def _lock_python(job: Job, order: dict[str, Any]) -> str:
    write("requirements.in", "\n".join(order["requirements"]) + "\n")
    # Wheels contain all metadata that a lock needs; a source distribution would have to be run.
    options = ["--generate-hashes", "--no-header", "--no-annotate", "--output-file", "requirements.txt"]
    _uv(job, order, "compile", [*options, "requirements.in"], "lock_failed")
    major, minor, *_ = sys.version_info
    return f"# py: {major}.{minor}\n{read('requirements.txt')}"


def _install_python(job: Job, order: dict[str, Any]) -> None:
    write("requirements.txt", order["lock"])
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
    words = [find(job, "uv"), "pip", verb, *fixed, *builds, *options]
    code, output = run_program(words, environ)
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
    write("package.json", manifest)
    options = ["--lockfile-only", "--save-text-lockfile"]
    if order["action"] == "install":
        write("bun.lock", lock)
        options = ["--frozen-lockfile", "--backend=copyfile", "--production"]
    for number in (1, 2):
        os.dup2(output, number)
    words = [find(job, "bun"), "install", "--ignore-scripts", "--linker=hoisted", "--no-progress", *options]
    environ = {**os.environ, "BUN_INSTALL_CACHE_DIR": f"{job.output}/cache/bun", "DO_NOT_TRACK": "1"}
    os.execve(words[0], words, environ)


def _manifest_and_lock(order: dict[str, Any]) -> tuple[str, str]:
    """Return the contents for package.json (only dependencies) and bun.lock."""
    if order["action"] == "lock":
        return json.dumps({"dependencies": dict(order["packages"])}, indent=2) + "\n", ""
    manifest, separator, lock = order["lock"].partition(BUN_LOCK)
    try:
        dependencies = json.loads(manifest).get("dependencies", {})
    except (ValueError, AttributeError):
        separator = ""
    if not separator or not isinstance(dependencies, dict):
        raise OrderFailed("install_failed", "the lock is not a package.json and a bun.lock")
    try:
        other = other_source(lock)
    except (ValueError, RecursionError) as error:
        raise OrderFailed("install_failed", f"the lock contains no valid bun.lock: {error}") from None
    if other is not None:
        raise OrderFailed("install_failed", f"a lock must contain only packages of servers, and {other[:200]} is none")
    return json.dumps({"dependencies": dependencies}), lock


def _bun_result(job: Job, order: dict[str, Any]) -> str | None:
    """Return the lock, or None after an install. Raises OrderFailed unless Bun reported success."""
    output, manifest, folder = read(_BUN_OUTPUT), order["manifest"], f"{job.output}/tree"
    done = _LOCKED if order["action"] == "lock" else _INSTALLED
    if done.search(output) is None or _ERROR.search(output) is not None:
        raise _failure(f"{order['action']}_failed", output.strip() or "bun ended without any output")
    if order["action"] == "lock":
        return f"{manifest}{BUN_LOCK}{read(f'{folder}/bun.lock')}"
    for name, version in json.loads(manifest)["dependencies"].items():
        _name_with_version(f"{folder}/node_modules", str(name), str(version))
    return None


def _name_with_version(modules: str, name: str, version: str) -> None:
    """Make `import "name@version"` find the package, without a change to the script."""
    scope, slash, bare = name.rpartition("/")
    if "/" not in version and os.path.isdir(f"{modules}/{name}"):
        os.symlink(bare, f"{modules}/{scope}{slash}{bare}@{version}")


def _failure(name: str, output: str) -> OrderFailed:
    """Return the error for a failed program, with the last lines of its output."""
    last = "\n".join(output.splitlines()[-TAIL:])
    if any(sign in last for sign in _MISMATCH):
        return OrderFailed("lock_hash_mismatch", f"the files of the index differ from what was locked: {last}")
    return OrderFailed(name, f"{_advice(last)}{last}")


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


_ECOSYSTEMS = {
    "python": (_lock_python, _install_python),
    "go": (go_modules.lock, go_modules.install),
    "composer": (composer.lock, composer.install),
    "gems": (gems.lock, gems.install),
}
