"""Masking of what one attempt of a job gives back: log, result, error.

Known are the secrets that the worker itself opened for it, and, by their rows, those that it opened by API with its
token. Such a row is committed before the API answers: who counts them after having read the job's output knows of
every secret that may stand in it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.control import secrets
from orvanta_platform.control.job_tokens import PREFIX
from orvanta_platform.control.masking import Opened
from orvanta_platform.db import openings
from orvanta_platform.db.jobs import Claimed
from orvanta_platform.orchestrator.interpolation import Vault
from orvanta_platform.orchestrator.secret_access import Identity, fill_references
from orvanta_platform.worker.outcome import JobError, JobOutcome

_PROCESSES = 200
_IN_THREAD_FROM = 1 << 20
_TOKEN_IN_JSON = PREFIX.encode()


@dataclass(frozen=True, slots=True)
class ProcessKey:
    """Jobs that may share a process, in which what one opened may be remembered by another."""

    workspace: str
    language: str
    content: str


class Maskings:
    """Those of one worker. Secrets of dedicated processes are remembered with them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: OrderedDict[ProcessKey, Opened] = OrderedDict()

    def of(self, job: Claimed, token: str) -> Masking:
        """The masking of an attempt whose token is `token`."""
        return Masking(self._vault, job, token)

    def share(self, masking: Masking, process: ProcessKey) -> None:
        """The attempt runs in a process that stays: from now on it shares its secrets with the others there."""
        before = self._opened.setdefault(process, masking.opened)
        self._opened.move_to_end(process)
        if before is not masking.opened:
            before.update(masking.opened)
            masking.opened = before
        if len(self._opened) > _PROCESSES:
            self._opened.popitem(last=False)


class Masking:
    """Made by `Maskings.of`. `opened`: the secrets; `openings`: how many rows of the attempt are known."""

    def __init__(self, vault: Vault, job: Claimed, token: str) -> None:
        self._vault = vault
        self._job: UUID = job.id
        self._attempt = job.attempt
        self._workspace = job.run.workspace
        self._identity = Identity.of_job(job)
        self._token = token
        self._everything = Opened()
        self.opened = Opened()
        self.openings = 0

    async def fill(self, args: bytes, names: Collection[str]) -> bytes:
        """The arguments, with references replaced in those of these names. Raises as `opening.open_for` does."""
        return await fill_references(self._vault, self._identity, self._workspace, args, names, self.opened)

    def split(self, text: str, *, last: bool) -> tuple[str, str]:
        """Of the log so far: what may be written, and an end that is held back, as it may begin a secret."""
        masks = self._with_token()
        return (masks.mask_text(text), "") if last else masks.split(text)

    async def learn(self) -> None:
        """Take in what the attempt has opened by API."""
        async with self._vault.db.acquire() as conn:
            found = await openings.sealed(conn, self._job, self._attempt)
        for sealed in found:
            for text in secrets.unseal_opening(self._vault.keys, self._job, self._attempt, sealed):
                self.opened.add(text)
        self.openings = len(found)

    async def outcome(self, found: JobOutcome) -> JobOutcome:
        """The outcome without the secrets known so far; the step that records it tells whether those are all."""
        result = found.result
        if result is not None and len(result) < _IN_THREAD_FROM:
            result = self.json(result)
        elif result is not None:
            # Not what is shared: another job may add to it meanwhile.
            result = await asyncio.to_thread(self._with_token().mask_json, result)
        error = None if found.error is None else self.error(found.error)
        return JobOutcome(result, error, found.mem_peak_kb, found.started, found.stopped_by)

    def json(self, raw: bytes) -> bytes:
        """JSON text without secrets."""
        return (self._with_token() if _TOKEN_IN_JSON in raw else self.opened).mask_json(raw)

    def error(self, found: JobError) -> JobError:
        """An error without secrets in its name, message and stack."""
        masks = self._with_token()
        stack = None if found.stack is None else masks.mask_text(found.stack)
        return JobError(masks.mask_text(found.name), masks.mask_text(found.message), stack)

    def _with_token(self) -> Opened:
        """All secrets and the token, which is worth as much while the attempt runs."""
        self._everything.add(self._token)
        self._everything.update(self.opened)
        return self._everything
