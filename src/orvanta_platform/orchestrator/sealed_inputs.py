"""Password inputs of runs: removed from the arguments when a run starts, encrypted, and restored where they are used.

The stored arguments, and therefore everything that reads, streams, lists, indexes or exports them, contain the mask.
The ciphertext is a separate value under the data key of the workspace and can be decrypted for that run only. The state
of the run (`sealed`) records that it exists, so that other runs need no further query. Decrypted inputs are masked in
the results of jobs and expressions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform.control import secret_fields, secrets
from orvanta_platform.control.masking import OpenedSecrets, texts_of
from orvanta_platform.control.secret_fields import MAX_DEPTH, Secrets
from orvanta_platform.control.secrets import DataKey, SecretLocation, SecretUnreadable
from orvanta_platform.db import data_keys
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.state import RunState
from orvanta_platform.evaluate.raw import strip
from orvanta_platform.orchestrator import resource_schemas
from orvanta_platform.orchestrator.interpolation import Vault
from orvanta_platform.orchestrator.scope import Load
from orvanta_platform.orchestrator.view import PREPROCESSED
from orvanta_platform.workflow.mask import MASK
from orvanta_platform.workflow.secret_schemas import WorkBudget, may_declare, resource_types

SEALED: Final = "sealed"
"""Name of the value (of a run, kind args) that holds its sealed password inputs."""

_INPUTS: Final = ("", PREPROCESSED)
SEALED_NAMES: Final = tuple(f"{SEALED} {name}".strip() for name in _INPUTS)
"""Names of all such values."""

_KIND: Final = "input"
_MAX_INLINE: Final = 64 << 10
"""Largest input, in bytes, whose passwords are extracted in the event loop."""
_QUOTED_MASK: Final = f'"{MASK}"'.encode()


class _Body(msgspec.Struct, frozen=True):
    """A ciphertext, the version of its key, and the run that sealed it: the run itself or its caller."""

    of: UUID
    key: int
    sealed: bytes


def sealed_key(run: UUID, name: str = "") -> ValueKey:
    """Return the key of the sealed part of a run's input of this name: its arguments, or PREPROCESSED."""
    return (run, "args", f"{SEALED} {name}".strip())


async def take_out(
    vault: Vault, workspace: str, by: UUID, args: bytes, schema: Any, stored: Secrets | None = None
) -> tuple[bytes, bytes | None]:
    """Return the arguments with masked password inputs, and the sealed inputs (JSON text), None if there are none.

    `schema` names them; `stored` are those of a repeated run, which replace masks in `args`. Must not be called in a
    transaction. Raises BadRequest for a mask without a password input, TooComplex, UnsupportedPassword.
    """
    if not stored and not may_declare(schema):
        return args, None
    types = await _types(vault, workspace, schema, args)
    arguments = (args, schema, stored or {}, types)
    inline = len(args) <= _MAX_INLINE
    shown, taken = (
        secret_fields.extract(*arguments) if inline else await asyncio.to_thread(secret_fields.extract, *arguments)
    )
    return (shown, await seal(vault, workspace, by, taken)) if taken else (args, None)


async def seal(vault: Vault, workspace: str, by: UUID, taken: Secrets) -> bytes:
    """Encrypt secrets, by their places, as JSON text that the run `by` and the runs that it calls can decrypt."""
    key = await secrets.newest_key(vault.db, vault.keys, workspace)
    body = msgspec.json.encode({pointer: msgspec.Raw(raw) for pointer, raw in taken.items()})
    return msgspec.json.encode(
        _Body(by, key.version, secrets.seal(key, SecretLocation(workspace, _KIND, str(by)), body))
    )


async def unseal(vault: Vault, workspace: str, runs: Sequence[UUID | None], raw: bytes) -> dict[str, bytes]:
    """Decrypt inputs sealed by one of `runs`. Raises SecretUnreadable."""
    body = msgspec.json.decode(raw, type=_Body)
    async with vault.db.acquire() as conn:
        row = await data_keys.get(conn, workspace, body.key)
    if row is None or body.of not in runs:
        raise SecretUnreadable("The inputs of the run cannot be decrypted.", hint="Start a new run with all inputs.")
    key = secrets.unwrap(vault.keys, workspace, row)
    opened = secrets.unseal(key, SecretLocation(workspace, _KIND, str(body.of)), body.sealed)
    return {pointer: bytes(each) for pointer, each in msgspec.json.decode(opened, type=dict[str, msgspec.Raw]).items()}


def sealed_again(workspace: str, raw: bytes, keys: Mapping[int, DataKey], newest: DataKey) -> bytes | None:
    """Return sealed inputs encrypted with the newest of the keys; None if they are already. Raises SecretUnreadable."""
    body = msgspec.json.decode(raw, type=_Body)
    if body.key == newest.version:
        return None
    key, location = keys.get(body.key), SecretLocation(workspace, _KIND, str(body.of))
    if key is None:
        raise SecretUnreadable("The key of the inputs does not exist.")
    return msgspec.json.encode(
        _Body(body.of, newest.version, secrets.seal(newest, location, secrets.unseal(key, location, body.sealed)))
    )


def loading(vault: Vault, run: RunRow, load: Load, opened: OpenedSecrets) -> Load:
    """Wrap `load` to return the run's arguments with its password inputs; their texts are added to `opened`."""
    if not RunState.decode(run.state).sealed:
        return load

    async def load_opened(keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        sealed_keys = [sealed_key(run.id, name) for id, kind, name in keys if (id, kind) == (run.id, "args")]
        found = await load([*keys, *sealed_keys]) if sealed_keys else await load(keys)
        return await put_back(vault, run, found, opened) if sealed_keys else found

    return load_opened


async def put_back(
    vault: Vault, run: RunRow, known: Mapping[ValueKey, bytes], opened: OpenedSecrets
) -> dict[ValueKey, bytes]:
    """Restore the password inputs in those values that are the run's input. Raises SecretUnreadable."""
    found = dict(known)
    for name in _INPUTS:
        raw, args = known.get(sealed_key(run.id, name)), known.get((run.id, "args", name))
        if raw is None or args is None:
            continue
        taken = await unseal(vault, run.workspace, (run.id, run.parent), raw)
        for each in taken.values():
            for text in texts_of(each):
                opened.add(text)
        found[run.id, "args", name] = secret_fields.restore(args, taken)
    return found


def holding(raw: bytes, opened: OpenedSecrets) -> Secrets:
    """Return the strings in JSON that contain an opened secret, by their places. Raises TooComplex."""
    found: dict[str, bytes] = {}
    if opened:
        _find(strip(raw), "", 0, opened, found, secret_fields.work_budget(raw))
    return found


def _find(
    raw: bytes, pointer: str, level: int, opened: OpenedSecrets, found: dict[str, bytes], work: WorkBudget
) -> bytes:
    work.spend(len(opened.patterns) * (100 + len(raw) // 50))
    if raw == _QUOTED_MASK or opened.mask_json(raw) == raw:
        return raw
    if raw.startswith((b"{", b"[")):
        if level == MAX_DEPTH:
            work.exhaust()
        return secret_fields.rebuilt(
            raw, lambda name, each: _find(strip(each), f"{pointer}/{name}", level + 1, opened, found, work), work
        )
    found[pointer] = raw
    return raw


async def _types(vault: Vault, workspace: str, schema: Any, args: bytes) -> Mapping[str, Any]:
    """Return the schemas of resource types whose values may be passed inline in the arguments, by name.

    Most arguments hold a reference instead, for which nothing is read.
    """
    if args.count(b"{") < 2 or not resource_types(schema):
        return {}
    async with vault.db.acquire() as conn:
        return await resource_schemas.nested_schemas(conn, workspace, schema)
