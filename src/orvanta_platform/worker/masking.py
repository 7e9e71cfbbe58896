"""Masking of secrets in the log, result and error of one attempt.

The known secrets are those that the worker itself opened for the attempt, and those that the attempt opened by API
with its token, which are recorded as rows. Such a row is committed before the API responds. A count of the rows made
after the job's output was read therefore covers every secret that the output may contain.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from uuid import UUID

import msgspec

from orvanta_platform.control import secrets
from orvanta_platform.control.job_tokens import PREFIX
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.db import openings
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.orchestrator.interpolation import Vault
from orvanta_platform.orchestrator.secret_access import Identity, fill_references
from orvanta_platform.worker.outcome import JobError, JobOutcome

_PROCESSES = 200
_IN_THREAD_FROM = 1 << 20
_TOKEN_IN_JSON = PREFIX.encode()


class ProcessKey(msgspec.Struct, frozen=True):
    """Key of the jobs that may share a process, in which one job may remember secrets that another opened."""

    workspace: str
    language: str
    content: str


class Maskings:
    """The maskings of one worker. Secrets of dedicated processes are remembered as long as these."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: OrderedDict[ProcessKey, OpenedSecrets] = OrderedDict()

    def of(self, job: ClaimedJob, token: str) -> Masking:
        """Return the masking for an attempt whose token is `token`."""
        return Masking(self._vault, job, token)

    def share(self, masking: Masking, process: ProcessKey) -> None:
        """Share the attempt's secrets with the other jobs of its process, as that process outlives the attempt."""
        before = self._opened.setdefault(process, masking.opened)
        self._opened.move_to_end(process)
        if before is not masking.opened:
            before.update(masking.opened)
            masking.opened = before
        if len(self._opened) > _PROCESSES:
            self._opened.popitem(last=False)


class Masking:
    """The masking of one attempt, created by `Maskings.of`."""

    def __init__(self, vault: Vault, job: ClaimedJob, token: str) -> None:
        self._vault = vault
        self._job: UUID = job.id
        self._attempt = job.attempt
        self._workspace = job.run.workspace
        self._identity = Identity.of_job(job)
        self._token = token
        self._everything = OpenedSecrets()
        self.opened = OpenedSecrets()
        """The known secrets."""
        self.openings = 0
        """Number of the attempt's opening rows that are known."""

    async def fill(self, args: bytes, names: Collection[str]) -> bytes:
        """Return the arguments with the references in those named replaced. Raises as `open_for` does."""
        return await fill_references(self._vault, self._identity, self._workspace, args, names, self.opened)

    def split(self, text: str, *, last: bool) -> tuple[str, str]:
        """Return the masked text that may be written, and the end of the text that may be the start of a secret."""
        masks = self._with_token()
        return (masks.mask_text(text), "") if last else masks.split(text)

    async def load_opened(self) -> None:
        """Load the secrets that the attempt has opened by API."""
        async with self._vault.db.acquire() as conn:
            found = await openings.list_sealed(conn, self._job, self._attempt)
        for sealed in found:
            for text in secrets.unseal_opening(self._vault.keys, self._job, self._attempt, sealed):
                self.opened.add(text)
        self.openings = len(found)

    async def outcome(self, found: JobOutcome) -> JobOutcome:
        """Return the outcome without the known secrets. The step that records it checks that no others were opened."""
        result = found.result
        if result is not None and len(result) < _IN_THREAD_FROM:
            result = self.json(result)
        elif result is not None:
            # A copy for the thread: another job may add to the shared secrets meanwhile.
            result = await asyncio.to_thread(self._with_token().mask_json, result)
        error = None if found.error is None else self.error(found.error)
        return JobOutcome(result, error, found.mem_peak_kb, found.started, found.stopped_by)

    def json(self, raw: bytes) -> bytes:
        """Return the JSON text without secrets."""
        return (self._with_token() if _TOKEN_IN_JSON in raw else self.opened).mask_json(raw)

    def error(self, found: JobError) -> JobError:
        """Return the error without secrets in its name, message, stack and attributes."""
        masks = self._with_token()
        stack = None if found.stack is None else masks.mask_text(found.stack)
        extra = found.extra and msgspec.json.decode(masks.mask_json(msgspec.json.encode(found.extra)))
        return JobError(masks.mask_text(found.name), masks.mask_text(found.message), stack, extra)

    def _with_token(self) -> OpenedSecrets:
        """Return all secrets and the token, which grants access to them while the attempt runs."""
        self._everything.add(self._token)
        self._everything.update(self.opened)
        return self._everything
