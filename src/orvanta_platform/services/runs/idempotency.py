"""Idempotency keys: for a day, a repeated call of one caller with the same input returns the run of the first call."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
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
    """The key was used with another input."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key of a caller."""

    key: str
    caller: str | None = None
    """Owner of the key; None: the actor who starts the run."""
    options: Sequence[str | None] = ()
    """The options of the call that belong to its input."""


@dataclass(frozen=True, slots=True)
class Use:
    """A key as one call uses it, ready to be claimed."""

    workspace: str
    caller: str
    path: str
    key: str
    input: bytes


def caller_of(actor: Actor) -> str:
    """The identity that keys of an actor belong to: its account, and the limits of its token."""
    return actor.email if actor.scopes is None else " ".join((actor.email, *sorted(actor.scopes)))


async def use_of(
    keys: InstanceKeys,
    given: IdempotencyKey,
    actor: Actor,
    workspace: str,
    path: str,
    what: Sequence[Any],
    args: bytes,
) -> Use:
    """The use of a key. `what` (JSON-able) and `args` (JSON text) are the input, together with the call's options.

    `args` include password inputs. The digest is keyed, so that the stored digest does not allow to guess them.
    """
    caller = given.caller or caller_of(actor)
    text = msgspec.json.encode([*what, *given.options])
    key = keys.key("idempotency inputs")
    large = len(args) >= _IN_THREAD_FROM
    digest = await asyncio.to_thread(_digest, key, text, args) if large else _digest(key, text, args)
    return Use(workspace, caller, path, given.key, digest)


async def claim(connection: Connection, use: Use, run: UUID) -> UUID:
    """The run of the key: `run` if the key is new, otherwise that of the first call.

    Raises IdempotencyKeyReused if the first call had another input.
    """
    first, input = await run_rows.claim_idempotency_key(
        connection, use.workspace, use.caller, use.path, use.key, run, use.input
    )
    if input is not None and input != use.input:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used with another input.",
            hint="Send the same input with it, or another key.",
        )
    return first


def _digest(key: bytes, what: bytes, args: bytes) -> bytes:
    digest = hmac.new(key, what, hashlib.sha256)
    digest.update(b"\0")
    digest.update(args)
    return digest.digest()
