"""Runs that make locks, for a script or for all inline scripts of a workflow."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.blueprints import OWN, Pins, inline_imports
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.worker.packages.store import PackageError, PackageLog, PackageRequest, Packages
from orvanta_platform.workflow import document
from orvanta_platform.workflow.document import Format
from orvanta_platform.workflow.requirements import rawscripts


class LockRuns(msgspec.Struct, frozen=True):
    """Executor of runs of the kinds `locking.LOCKING_KINDS`."""

    platform: Platform
    packages: Packages

    async def run(
        self, job: ClaimedJob, pins: Pins, body: str, args: bytes, log: PackageLog, cancelled: asyncio.Event
    ) -> bytes:
        """Lock `body`, store the outcome with the waiting versions, and return the run's result as JSON text.

        `pins` are those of the run, which name the imported scripts.

        Raises PackageError and OrvantaError, which are stored with the versions as well; PolicyViolation if a policy
        does not allow a package of the lock.
        """
        make_lock = self._script if job.run.kind == locking.SCRIPT_KIND else self._flow
        try:
            lock, result = await make_lock(job, pins, body, args, log, cancelled)
        except (PackageError, OrvantaError) as error:
            await locking.store_outcome(self.platform, job.run.id, lock=None, error=error.message)
            raise
        refusal = await locking.store_outcome(self.platform, job.run.id, lock=lock)
        if refusal is not None:
            raise refusal
        return result

    async def _script(
        self, job: ClaimedJob, pins: Pins, body: str, args: bytes, log: PackageLog, cancelled: asyncio.Event
    ) -> tuple[str, bytes]:
        own = pins.get(OWN)
        request = _request(job, job.language or "", body, None if own is None else own.imports)
        needed = await self.packages.requirements(request)
        lock = "" if needed is None else await self.packages.lock(request, needed, log, cancelled, job.run.id)
        return lock, msgspec.json.encode({"lock": lock})

    async def _flow(
        self, job: ClaimedJob, pins: Pins, body: str, args: bytes, log: PackageLog, cancelled: asyncio.Event
    ) -> tuple[str, bytes]:
        source = body.encode()
        format_: Format = "json" if source.lstrip()[:1] == b"{" else "yaml"
        tree = (await document_threads.run_in_thread(job.run.workspace, document.parse, source, format_)).tree
        locks, keys = {}, {}
        imports = {node: pin.imports for node, pin in inline_imports(pins, job.run.path).items() if pin.imports}
        imported = {node: await self.packages.imported(digest) for node, digest in imports.items()}
        for need in await locking.inline_needs(self.platform, job.run.workspace, tree, imported):
            request = _request(job, need.language, need.content, imports.get(need.node))
            locks[need.node] = await self.packages.lock(request, need.requirements, log, cancelled, job.run.id)
            keys[need.node] = locking.key_of(need.language, need.content, need.requirements)
        if not msgspec.json.decode(args).get("updated_flow_value"):
            return locking.flow_lock(keys), msgspec.json.encode({"locks": locks})
        return locking.flow_lock(keys), msgspec.json.encode({"updated_flow_value": _with_locks(tree, locks)})


def _request(job: ClaimedJob, language: str, content: str, imports: str | None) -> PackageRequest:
    return PackageRequest(job.id, job.attempt, job.run.workspace, language, content, imports)


def _with_locks(tree: dict[str, Any], locks: dict[str, str]) -> Any:
    """Return a flow's value with the locks added to its scripts. The tree is modified."""
    for node, value in rawscripts(tree):
        if not value.get("lock"):
            value["lock"] = locks.get(node, "")
    return tree.get("value")
