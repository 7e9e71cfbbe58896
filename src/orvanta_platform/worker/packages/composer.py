"""Packages of PHP scripts, which Composer locks and installs without plugins and scripts. Standard library only.

A lock is JSON with the required packages and the SHA-256 of the files of each package, followed by a composer.lock.
Anybody may have written it, so only its packages that are archives of a server are installed.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.packages.programs import OrderFailed, find, read, run, write
from orvanta_platform.workflow.lock_formats import COMPOSER_LOCK

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
_URL: Final = re.compile(r"https?://.*", re.IGNORECASE)
_ARCHIVES: Final = ("zip", "tar")
_DIST: Final = ("type", "url", "reference", "shasum")
_NOT_INSTALLED: Final = ("source", "transport-options", "notification-url")
"""Members of a package that name another origin of its files, options of the connection, or a server to notify."""
_MISSING: Final = re.compile(r"requires (\S+), it could not be found in any version")
_OPTIONS: Final = ("--no-plugins", "--no-scripts", "--no-interaction", "--no-ansi", "--no-progress")
_UNCHECKED: Final = "warning: the deployed lock names no hashes: the installed files are not checked\n"


def lock(job: Job, order: dict[str, Any]) -> str:
    """Return the lock of the order's packages. Raises OrderFailed."""
    required = {name: range_ or "*" for name, range_ in order["packages"]}
    folder = f"{job.folder}/locked"
    os.mkdir(folder)
    write(f"{folder}/composer.json", _manifest(required))
    _composer(job, folder, ["update", "--no-install", "--no-audit", *_OPTIONS], "lock_failed")
    text = _checked(json.loads(read(f"{folder}/composer.lock")))
    write(f"{folder}/composer.lock", text)
    _composer(job, folder, ["install", "--no-dev", *_OPTIONS], "lock_failed")
    head = json.dumps({"require": required, "sha256": _digests(folder, text)}, indent=2)
    return f"{head}\n{COMPOSER_LOCK}{text}"


def install(job: Job, order: dict[str, Any]) -> None:
    """Install the packages of the order's lock. Raises OrderFailed."""
    head, separator, text = order["lock"].partition(COMPOSER_LOCK)
    try:
        required, digests = (json.loads(head).get(name) for name in ("require", "sha256"))
        locked = json.loads(text)
    except (ValueError, AttributeError):
        separator = ""
    if not separator or not isinstance(required, dict) or not isinstance(locked, dict):
        raise OrderFailed("install_failed", "the lock is not JSON with the required packages and a composer.lock")
    checked = _checked(locked)
    tree = f"{job.output}/tree"
    os.mkdir(tree)
    own = {f"{tree}/composer.json": _manifest(required), f"{tree}/composer.lock": checked}
    for file, content in own.items():
        write(file, content)
    _composer(job, tree, ["install", "--no-dev", "--optimize-autoloader", *_OPTIONS], "install_failed")
    for file in own:
        os.unlink(file)
    if digests is None:
        os.write(1, _UNCHECKED.encode())
    elif digests != _digests(tree, checked):
        raise OrderFailed("lock_hash_mismatch", "the files of the packages differ from what was locked")


def _checked(locked: dict[str, Any]) -> str:
    """Return a composer.lock as text, without what would let its packages come from elsewhere than archives.

    Raises OrderFailed for a package whose name could lead out of its folder, or that is not an archive of a server.
    """
    packages = locked.get("packages", [])
    if not isinstance(packages, list) or not all(isinstance(each, dict) for each in packages):
        raise OrderFailed("install_failed", "the packages of the composer.lock are not a list of objects")
    checked = [_checked_package(each) for each in packages]
    return json.dumps({**locked, "packages": checked, "packages-dev": []}, indent=2)


def _checked_package(package: dict[str, Any]) -> dict[str, Any]:
    name, dist = str(package.get("name")), package.get("dist")
    if _NAME.fullmatch(name) is None:
        raise OrderFailed("install_failed", f"the lock contains {name[:200]!r}, which is not the name of a package")
    kept = {key: value for key, value in package.items() if key not in _NOT_INSTALLED}
    if package.get("type") == "metapackage":
        return kept
    if not isinstance(dist, dict) or dist.get("type") not in _ARCHIVES or not _URL.fullmatch(str(dist.get("url"))):
        raise OrderFailed("install_failed", f"a lock must contain only archives of servers, and {name} is none")
    return {**kept, "dist": {key: dist[key] for key in _DIST if key in dist}}


def _manifest(required: dict[str, Any]) -> str:
    """Return a composer.json."""
    config: dict[str, Any] = {"allow-plugins": False, "preferred-install": "dist"}
    manifest: dict[str, Any] = {"require": required, "config": config}
    repository, _ = _repository()
    if repository:
        manifest["repositories"] = [{"type": "composer", "url": repository}, {"packagist.org": False}]
        config["secure-http"] = not repository.startswith("http://")
    return json.dumps(manifest, indent=2)


def _repository() -> tuple[str | None, dict[str, str]]:
    """Return the address of the repository without its user and password, and Composer's variable with these.

    Composer would write them into locks and installed files, which jobs and readers of scripts see.
    """
    url, known = os.environ.get("COMPOSER_REPOSITORY"), os.environ.get("COMPOSER_AUTH")
    parts = urlsplit(url or "")
    if "@" not in parts.netloc:
        return url, {}
    host = parts.netloc.rpartition("@")[2]
    auth = json.loads(known) if known else {}
    login = {"username": unquote(parts.username or ""), "password": unquote(parts.password or "")}
    auth["http-basic"] = {**auth.get("http-basic", {}), host: login}
    return parts._replace(netloc=host).geturl(), {"COMPOSER_AUTH": json.dumps(auth)}


def _composer(job: Job, folder: str, words: list[str], failure: str) -> None:
    _, credentials = _repository()
    environ = {
        **os.environ,
        **credentials,
        "COMPOSER_ALLOW_SUPERUSER": "1",  # the user of a cell may have the number 0 in it
        "COMPOSER_CACHE_DIR": f"{job.output}/cache/composer",
        "COMPOSER_HOME": f"{job.folder}/composer",
        "COMPOSER_HTACCESS_PROTECT": "0",
    }
    code, output = run([find(job, "composer"), *words, f"--working-dir={folder}"], environ)
    if code:
        missing = _MISSING.search(output)
        advice = f"The repository has no package {missing[1]}. Check its name.\n" if missing else ""
        raise OrderFailed(failure, f"{advice}{output or f'composer ended with exit code {code}'}")


def _digests(folder: str, lock: str) -> dict[str, str]:
    """Return the SHA-256 of the paths and contents of each package that a checked composer.lock names."""
    names = [str(each["name"]) for each in json.loads(lock)["packages"]]
    return {name: _digest(f"{folder}/vendor/{name}") for name in names}


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
