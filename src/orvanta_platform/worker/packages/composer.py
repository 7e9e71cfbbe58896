"""Packages of PHP scripts, which Composer locks and installs without plugins and scripts. Standard library only.

A lock is JSON with the required packages and the SHA-256 of the files of each package, followed by a composer.lock.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.packages.programs import Failed, find, read, run, write

SEPARATOR: Final = "//composer.lock\n"
"""Separator of the JSON object and the composer.lock."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_MISSING: Final = re.compile(r"requires (\S+), it could not be found in any version")
_OPTIONS: Final = ("--no-plugins", "--no-scripts", "--no-interaction", "--no-ansi", "--no-progress")
_UNCHECKED: Final = "warning: the deployed lock names no hashes: the installed files are not checked\n"


def lock(job: Job, order: dict[str, Any]) -> str:
    """Return the lock of the order's packages. Raises Failed."""
    required = {name: range_ or "*" for name, range_ in order["packages"]}
    folder = f"{job.folder}/locked"
    os.mkdir(folder)
    write(f"{folder}/composer.json", _manifest(required))
    _composer(job, folder, ["update", "--no-install", "--no-audit", *_OPTIONS], "lock_failed")
    _composer(job, folder, ["install", "--no-dev", *_OPTIONS], "lock_failed")
    text = read(f"{folder}/composer.lock")
    head = json.dumps({"require": required, "sha256": _digests(folder, text)}, indent=2)
    return f"{head}\n{SEPARATOR}{text}"


def install(job: Job, order: dict[str, Any]) -> None:
    """Install the packages of the order's lock. Raises Failed."""
    head, separator, text = order["lock"].partition(SEPARATOR)
    try:
        required, digests = (json.loads(head).get(name) for name in ("require", "sha256"))
        json.loads(text)
    except (ValueError, AttributeError):
        separator = ""
    if not separator or not isinstance(required, dict):
        raise Failed("install_failed", "the lock is not JSON with the required packages and a composer.lock")
    tree = f"{job.output}/tree"
    os.mkdir(tree)
    write(f"{tree}/composer.json", _manifest(required))
    write(f"{tree}/composer.lock", text)
    _composer(job, tree, ["install", "--no-dev", "--optimize-autoloader", *_OPTIONS], "install_failed")
    if digests is None:
        os.write(1, _UNCHECKED.encode())
    elif digests != _digests(tree, text):
        raise Failed("lock_hash_mismatch", "the files of the packages differ from what was locked")


def _manifest(required: dict[str, Any]) -> str:
    """Return a composer.json."""
    config: dict[str, Any] = {"allow-plugins": False, "preferred-install": "dist"}
    manifest: dict[str, Any] = {"require": required, "config": config}
    repository = os.environ.get("COMPOSER_REPOSITORY")
    if repository:
        manifest["repositories"] = [{"type": "composer", "url": repository}, {"packagist.org": False}]
        config["secure-http"] = not repository.startswith("http://")
    return json.dumps(manifest, indent=2)


def _composer(job: Job, folder: str, words: list[str], failure: str) -> None:
    environ = {
        **os.environ,
        "COMPOSER_ALLOW_SUPERUSER": "1",  # the user of a cell may have the number 0 in it
        "COMPOSER_CACHE_DIR": f"{job.output}/cache/composer",
        "COMPOSER_HOME": f"{job.folder}/composer",
        "COMPOSER_HTACCESS_PROTECT": "0",
    }
    code, output = run([find(job, "composer"), *words, f"--working-dir={folder}"], environ)
    if code:
        missing = _MISSING.search(output)
        advice = f"The repository has no package {missing[1]}. Check its name.\n" if missing else ""
        raise Failed(failure, f"{advice}{output or f'composer ended with exit code {code}'}")


def _digests(folder: str, lock: str) -> dict[str, str]:
    """Return the SHA-256 of the paths and contents of each package that a composer.lock names."""
    found = {}
    for each in json.loads(lock).get("packages", []):
        name = str(each.get("name"))
        if _NAME.fullmatch(name) is None or ".." in name:
            raise Failed("install_failed", f"{name[:200]!r} is not the name of a package")
        found[name] = _digest(f"{folder}/vendor/{name}")
    return found


def _digest(package: str) -> str:
    import hashlib  # large and rarely needed: imported here to keep it out of every cell

    whole = hashlib.sha256()
    for path, folders, files in os.walk(package):
        folders.sort()
        for name in sorted([*files, *(each for each in folders if os.path.islink(f"{path}/{each}"))]):
            file = f"{path}/{name}"
            if os.path.islink(file):
                content = os.fsencode(os.readlink(file))
            else:
                with open(file, "rb") as opened:
                    content = hashlib.file_digest(opened, "sha256").digest()
            whole.update(json.dumps([os.path.relpath(file, package), content.hex()]).encode())
    return whole.hexdigest()
