"""Password inputs of runs: removed from the arguments when a run starts, encrypted, and restored where they are used.

The stored arguments, and so everything that reads, streams, lists, indexes or exports them, contain the mask. The
ciphertext is a separate value under the data key of the workspace and can be decrypted for that run only. The state of
the run (`sealed`) records that it exists, so that other runs read nothing more. Decrypted inputs are masked in the
results of jobs and expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform.control import secret_fields, secrets
from orvanta_platform.control.masking import MASK, Opened, texts_of
from orvanta_platform.control.secret_fields import Secrets
from orvanta_platform.control.secrets import Place, SecretUnreadable
from orvanta_platform.db import data_keys
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.state import RunState
from orvanta_platform.evaluate.raw import decode_string, items, members, strip
from orvanta_platform.services import resource_schemas
from orvanta_platform.services.interpolation import Vault
from orvanta_platform.services.steps.scope import PREPROCESSED, Load

SEALED: Final = "sealed"
"""The name of the value (of a run, kind args) that holds its sealed password inputs."""

_INPUTS: Final = ("", PREPROCESSED)
_KIND: Final = "input"
_RESOURCE: Final = "resource-"
_QUOTED_MASK: Final = f'"{MASK}"'.encode()


class _Body(msgspec.Struct, frozen=True):
    """A ciphertext, the version of its key, and the run that sealed it: the run itself, or the one that called it."""

    of: UUID
    key: int
    sealed: bytes


def sealed_key(run: UUID, name: str = "") -> ValueKey:
    """The key of the value with the secrets of a run's input of this name: its arguments, or PREPROCESSED."""
    return (run, "args", f"{SEALED} {name}".strip())


async def take_out(
    vault: Vault, workspace: str, by: UUID, args: bytes, schema: Any, kept: Secrets | None = None
) -> tuple[bytes, bytes | None]:
    """The arguments with masked password inputs, and the sealed inputs (JSON text), None if there are none.

    `schema` names them; `kept` are those of a repeated run, which replace masks in `args`. Must not be called in a
    transaction. Raises BadRequest for a mask without a password input.
    """
    if not kept and not names_passwords(schema):
        return args, None
    schema = await _with_types(vault, workspace, schema, args)
    shown, taken = secret_fields.take_out(args, schema, kept or {})
    return (shown, await seal(vault, workspace, by, taken)) if taken else (args, None)


async def seal(vault: Vault, workspace: str, by: UUID, taken: Secrets) -> bytes:
    """Secrets, by their places, as JSON text that can be opened for the run `by` and the runs that it calls."""
    key = await secrets.newest_key(vault.db, vault.keys, workspace)
    body = msgspec.json.encode({place: msgspec.Raw(raw) for place, raw in taken.items()})
    return msgspec.json.encode(_Body(by, key.version, secrets.seal(key, Place(workspace, _KIND, str(by)), body)))


async def unseal(vault: Vault, workspace: str, runs: Sequence[UUID | None], raw: bytes) -> dict[str, bytes]:
    """The inputs sealed by one of `runs`. Raises SecretUnreadable."""
    body = msgspec.json.decode(raw, type=_Body)
    async with vault.db.acquire() as conn:
        row = await data_keys.get(conn, workspace, body.key)
    if row is None or body.of not in runs:
        raise SecretUnreadable("The inputs of the run cannot be decrypted.", hint="Start a new run with all inputs.")
    key = secrets.unwrap(vault.keys, workspace, row)
    opened = secrets.unseal(key, Place(workspace, _KIND, str(body.of)), body.sealed)
    return {place: bytes(each) for place, each in msgspec.json.decode(opened, type=dict[str, msgspec.Raw]).items()}


def loading(vault: Vault, run: RunRow, load: Load, opened: Opened) -> Load:
    """`load`, wrapped to return the run's arguments with its password inputs; their texts are added to `opened`."""
    if not RunState.decode(run.state).sealed:
        return load

    async def load_opened(keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        wanted = [sealed_key(run.id, name) for id, kind, name in keys if (id, kind) == (run.id, "args")]
        found = await load([*keys, *wanted]) if wanted else await load(keys)
        return await put_back(vault, run, found, opened) if wanted else found

    return load_opened


async def put_back(vault: Vault, run: RunRow, known: Mapping[ValueKey, bytes], opened: Opened) -> dict[ValueKey, bytes]:
    """Values with the password inputs restored in those that are the run's input. Raises SecretUnreadable."""
    found = dict(known)
    for name in _INPUTS:
        raw, args = known.get(sealed_key(run.id, name)), known.get((run.id, "args", name))
        if raw is None or args is None:
            continue
        taken = await unseal(vault, run.workspace, (run.id, run.parent), raw)
        for each in taken.values():
            for text in texts_of(each):
                opened.add(text)
        found[run.id, "args", name] = secret_fields.put_back(args, taken)
    return found


def holding(raw: bytes, opened: Opened) -> Secrets:
    """The strings in JSON that contain an opened secret, by their places."""
    found: dict[str, bytes] = {}
    if opened and opened.mask_json(raw) != raw:
        _find(strip(raw), "", opened, found)
    return found


def _find(raw: bytes, place: str, opened: Opened, found: dict[str, bytes]) -> None:
    match raw[:1]:
        case b"{":
            for name, each in members(raw).items():
                _find(strip(bytes(each)), f"{place}/{name.replace('~', '~0').replace('/', '~1')}", opened, found)
        case b"[":
            for number, each in enumerate(items(raw)):
                _find(strip(bytes(each)), f"{place}/{number}", opened, found)
        case _:
            text = decode_string(raw) if raw.startswith(b'"') else raw.decode()
            if raw != _QUOTED_MASK and opened.mask_text(text) != text:
                found[place] = raw


def names_passwords(schema: Any) -> bool:
    """Tests for a JSON Schema that declares a password, or may do so through a resource type."""
    return any(map(_is_password, _parts(schema))) or bool(_resource_types(schema))


async def _with_types(vault: Vault, workspace: str, schema: Any, args: bytes) -> Any:
    """The schema, extended by the schemas of resource types whose values are given inline in the arguments.

    Most arguments hold a reference instead, for which nothing is read.
    """
    names = _resource_types(schema) if b"{" in strip(args)[1:] else frozenset()
    if not names:
        return schema
    async with vault.db.acquire() as conn:
        types = {name: await resource_schemas.schema_of(conn, workspace, name) for name in sorted(names)}
    return _joined(schema, {f"{_RESOURCE}{name}": each for name, each in types.items()})


def _joined(schema: Any, types: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_joined(each, types) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _joined(each, types) for name, each in schema.items()}
    of_type = types.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    return {"allOf": [made, of_type]} if isinstance(of_type, dict) else made


def _resource_types(schema: Any) -> frozenset[str]:
    formats = (part.get("format") for part in _parts(schema))
    return frozenset(
        each.removeprefix(_RESOURCE) for each in formats if isinstance(each, str) and each.startswith(_RESOURCE)
    )


def _is_password(part: Mapping[str, Any]) -> bool:
    return part.get("password") is True or part.get("format") == "password"


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [schema]
    while waiting:
        match waiting.pop():
            case Mapping() as named:
                yield named
                waiting += named.values()
            case list() as listed:
                waiting += listed
