"""Access to secrets: for runs with the identity they act as, and for callers of the API.

Each access is recorded in the audit trail, one row per attempt of a job and path. Secrets opened for an attempt are
also recorded in `opening`, from which its worker learns what to mask; this is committed before the value is returned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.identity import actor_of_run
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import openings, workspaces
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.openings import NewOpening
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.errors import NotFound, Unauthenticated
from orvanta_platform.orchestrator.interpolation import (
    Interpolation,
    Kind,
    Secret,
    Vault,
    holds_references,
    may_refer,
    only,
)

_NO_ATTEMPT = 0
"""Attempt number of secrets that a run opened for its own expressions, outside any job."""


class Identity(msgspec.Struct, frozen=True):
    """The reader of opened secrets: the identity that the run acts as, the run, and the attempt of a job if any."""

    permissioned_as: str
    email: str
    run: UUID
    job: UUID | None = None
    attempt: int | None = None
    scopes: list[str] | None = None
    """Scopes that limit the run."""

    @classmethod
    def of_run(cls, run: RunRow) -> Identity:
        """Return the identity for evaluations of a run outside its jobs."""
        return cls(run.permissioned_as, run.email, run.id, scopes=run.scopes)

    @classmethod
    def of_job(cls, job: ClaimedJob) -> Identity:
        """Return the identity of an attempt executed by this process."""
        run = job.run
        return cls(run.permissioned_as, run.email, run.id, job.id, job.attempt, run.scopes)


async def open_for(
    vault: Vault, identity: Identity, workspace: str, kind: Kind, path: str, opened: OpenedSecrets
) -> bytes:
    """Return the value (JSON text) of a variable or resource with references resolved, as the identity may read it.

    Texts of secrets are added to `opened`. Raises NotFound, SecretUnreadable, ReferenceLoop, TooLarge, and
    Unauthenticated if the attempt has ended.
    """
    async with vault.db.transaction() as conn:
        actor = await _actor(conn, identity, workspace)
        reading = Interpolation(vault, conn, actor, workspace, opens=True)
        value = await reading.value(kind, path)
        await _record_openings(vault, conn, actor, identity, reading.secrets)
    _collect(opened, reading.secrets)
    return value


async def fill_references(
    vault: Vault, identity: Identity, workspace: str, raw: bytes, names: Collection[str], opened: OpenedSecrets
) -> bytes:
    """Resolve each `$var:` and `$res:` in the members of these names of a JSON object; other members are plain text.

    Raises as `open_for`. Reads nothing if there are no references.
    """
    if not names or not may_refer(raw):
        return raw
    async with vault.db.transaction() as conn:
        actor = await _actor(conn, identity, workspace)
        reading = Interpolation(vault, conn, actor, workspace, opens=True)
        filled = await reading.fill_members(raw, names)
        await _record_openings(vault, conn, actor, identity, reading.secrets)
    _collect(opened, reading.secrets)
    return filled


async def hidden_from(
    vault: Vault, identity: Identity, workspace: str, raw: bytes, names: Collection[str]
) -> str | None:
    """Return a sentence on the first reference in a JSON object that the identity may not read; None if all may be."""
    raw = only(raw, names)
    if not holds_references(raw):
        return None
    async with vault.db.acquire() as conn:
        actor = await _actor(conn, identity, workspace)
        hidden = await Interpolation(vault, conn, actor, workspace, opens=True).first_unreadable(raw)
    return None if hidden is None else f"{identity.permissioned_as} may not read {hidden}, or it does not exist."


async def read(
    vault: Vault, actor: Actor, workspace: str, kind: Kind, path: str, *, interpolated: bool = True
) -> bytes:
    """Return the value (JSON text) of a variable or resource for a caller of the API.

    A secret is opened for the token of a job; for other tokens if the workspace sets secrets_readable and the role
    permits it. Raises NotFound, SecretIsWriteOnly and as `open_for`.
    """
    require_workspace(actor, workspace)
    async with vault.db.transaction() as conn:
        is_job = actor.kind == "job" and actor.job is not None
        opens = True if is_job else None if await workspaces.are_secrets_readable(conn, workspace) else False
        reading = Interpolation(vault, conn, actor, workspace, opens=opens)
        value = await (reading.value(kind, path) if interpolated else reading.own_value(path))
        if is_job and actor.job is not None:
            identity = Identity(actor.permissioned_as, actor.email, actor.job, actor.job, actor.attempt)
            await _record_openings(vault, conn, actor, identity, reading.secrets)
        else:
            for secret in reading.secrets:
                await audit.record(conn, actor, f"{secret.kind}s.open", "Execute", secret.path)
    return value


async def _actor(conn: Connection, identity: Identity, workspace: str) -> Actor:
    actor = await actor_of_run(conn, workspace, identity.permissioned_as, identity.email, identity.scopes)
    if actor is None:
        raise NotFound(f"{identity.permissioned_as}, for whom the run acts, is no longer a member of {workspace}.")
    return actor


async def _record_openings(
    vault: Vault, conn: Connection, actor: Actor, identity: Identity, found: Sequence[Secret]
) -> None:
    """Record opened secrets once per attempt, for the audit trail and for the worker that masks them."""
    if not found:
        return
    job, attempt = identity.job or identity.run, identity.attempt or _NO_ATTEMPT
    if identity.job is not None and not await openings.lock_attempt(conn, job, attempt):
        raise Unauthenticated("The job has ended.", hint="Secrets are only opened for running jobs.")
    added = 0
    for secret in found:
        digest, sealed = secrets.seal_opening(vault.keys, job, attempt, secret.texts)
        if await openings.record(conn, job, attempt, NewOpening(secret.kind, secret.path, digest, sealed)):
            added += 1
            details = {"run": str(identity.run), "job": str(job), "attempt": attempt}
            await audit.record(conn, actor, f"{secret.kind}s.open", "Execute", secret.path, details)
    if added and identity.job is not None:
        await openings.update_count(conn, job, attempt)


def _collect(opened: OpenedSecrets, found: Sequence[Secret]) -> None:
    for secret in found:
        for text in secret.texts:
            opened.add(text)
