"""Idempotency keys: for a day, a repeated call with the same key and input returns the run of the first call."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Conflict

_IN_THREAD_FROM = 1 << 20


class IdempotencyKeyReused(Conflict):
    """The key was used with a different input."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key sent by a caller."""

    key: str
    caller: str | None = None
    """Owner of the key; None: the actor who starts the run."""
    options: Sequence[str | None] = ()
    """Options of the call that are part of its input."""
    input: bytes | None = field(default=None, repr=False)
    """Arguments of the call, if those of the run are others."""


class Use(msgspec.Struct, frozen=True):
    """A key together with the digest of the call's input, ready to be claimed."""

    workspace: str
    caller: str
    path: str
    key: str
    input: bytes
    others: Sequence[bytes] = ()
    """Digests under other instance keys, during a rotation."""


def caller_of(actor: Actor) -> str:
    """Return the identity that keys of an actor belong to: its account and the scopes of its token."""
    return actor.email if actor.scopes is None else " ".join((actor.email, *sorted(actor.scopes)))


async def use_of(
    keys: InstanceKeys,
    idempotency_key: IdempotencyKey,
    actor: Actor,
    workspace: str,
    path: str,
    what: Sequence[Any],
    args: bytes,
) -> Use:
    """Create the use of a key. The input consists of `what` (JSON-compatible), `args` (JSON text) and the call's
    options.

    `args` include password inputs. The digest is keyed, so that passwords cannot be guessed from the stored digest.
    """
    caller = idempotency_key.caller or caller_of(actor)
    text = msgspec.json.encode([*what, *idempotency_key.options])
    large = len(args) >= _IN_THREAD_FROM
    digests = [
        await asyncio.to_thread(_digest, key, text, args) if large else _digest(key, text, args)
        for key in keys.candidates("idempotency inputs")
    ]
    return Use(workspace, caller, path, idempotency_key.key, digests[0], tuple(digests[1:]))


async def claim(connection: Connection, use: Use, run: UUID) -> UUID:
    """Return the run of the key: `run` if the key is new, otherwise that of the first call.

    Raises IdempotencyKeyReused if the first call had a different input.
    """
    first, input = await run_rows.claim_idempotency_key(
        connection, use.workspace, use.caller, use.path, use.key, run, use.input
    )
    if input is not None and input not in (use.input, *use.others):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used with a different input.",
            hint="Send the same input with it, or use another key.",
        )
    return first


def _digest(key: bytes, what: bytes, args: bytes) -> bytes:
    digest = hmac.new(key, what, hashlib.sha256)
    digest.update(b"\0")
    digest.update(args)
    return digest.digest()
