"""Modules of Go scripts: locked with `go get`, installed with `go mod download`. Standard library only.

A lock is a go.mod and a go.sum. An installed tree contains both and `mod`, a module cache without archives, with which
the script is compiled. No code of a module is run.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.packages.programs import OrderFailed, find, read, run, write
from orvanta_platform.workflow.lock_formats import GO_SUM, forbidden_directive, with_module

_MISMATCH: Final = ("checksum mismatch", "SECURITY ERROR")
_MISSING: Final = re.compile(r"^go: (?:module )?(\S+?)(?:@\S+)?: .*\b404 Not Found", re.MULTILINE)
_UNUSED: Final = (".zip", ".lock")
"""Ends of files of a module cache that a build does not need."""


def lock(job: Job, order: dict[str, Any]) -> str:
    """Return the lock of the order's packages. Raises OrderFailed."""
    go = find(job, "go")
    environ = _environ(job, f"{job.output}/cache/go", "-mod=mod -modcacherw")
    queries = [f"{name}@{version or 'latest'}" for name, version in order["packages"]]
    for words in (["mod", "init", "orvanta"], ["get", *queries]):
        _go([go, *words], environ, "lock_failed")
    return f"{read('go.mod')}{GO_SUM}{read('go.sum')}"


def install(job: Job, order: dict[str, Any]) -> None:
    """Install the modules of the order's lock. Raises OrderFailed."""
    module, separator, sums = order["lock"].partition(GO_SUM)
    forbidden = forbidden_directive(module)
    if not separator or forbidden is not None:
        reason = f"a lock must contain no {forbidden}" if separator else "the lock is not a go.mod and a go.sum"
        raise OrderFailed("install_failed", reason)
    module = with_module(module)
    write("go.mod", module)
    write("go.sum", sums)
    tree, cache = f"{job.output}/tree", f"{job.output}/cache/go/cache/download"
    environ = _environ(job, f"{tree}/mod", "-modcacherw")
    if os.path.isdir(cache):  # the archives that were downloaded for locks
        environ["GOPROXY"] = f"file://{cache},{environ.get('GOPROXY') or 'https://proxy.golang.org'}"
    _go([find(job, "go"), "mod", "download"], environ, "install_failed")
    os.makedirs(f"{tree}/mod", exist_ok=True)
    for folder, _, files in os.walk(f"{tree}/mod/cache"):
        for name in files:
            if name.endswith(_UNUSED) or name == "lock":
                os.unlink(f"{folder}/{name}")
    write(f"{tree}/go.mod", module)
    write(f"{tree}/go.sum", sums)


def _environ(job: Job, cache: str, flags: str) -> dict[str, str]:
    given = {"GOVCS": "*:off", **os.environ}
    return {
        **given,
        "CGO_ENABLED": "0",
        "GOCACHE": f"{job.folder}/go-build",
        "GOENV": "off",
        "GOFLAGS": flags,
        "GOMODCACHE": cache,
        "GOPATH": f"{job.folder}/go",
        "GOTELEMETRY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _go(words: list[str], environ: dict[str, str], failure: str) -> None:
    code, output = run(words, environ)
    if not code:
        return
    if any(sign in output for sign in _MISMATCH):
        raise OrderFailed("lock_hash_mismatch", f"the files of the module proxy differ from what was locked: {output}")
    missing = _MISSING.search(output)
    advice = f"The module proxy has no module {missing[1]}. Check the spelling of the import.\n" if missing else ""
    raise OrderFailed(failure, f"{advice}{output or f'go ended with exit code {code}'}")
