"""Encryption of secrets under a data key of the workspace, and of data keys under the instance key, with AES-256-GCM.

A ciphertext is bound to its location (workspace, kind, path) and cannot be decrypted elsewhere. Keys have versions: the
newest encrypts, and each row names the version that decrypts it, so that keys can be rotated without changing the rows.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db import data_keys
from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import OrvantaError

_NONCE = 12
_WRAPPING = "data keys"
_OPENINGS = "openings"
_RESULTS = "results in notifications"
_GRANTS = "grants in notifications"
_FINGERPRINT = f"{_WRAPPING}, fingerprint"


class SecretUnreadable(OrvantaError):
    """A stored secret cannot be decrypted: the instance key differs, the row was changed, or it was moved from another
    location.
    """

    code = "secret_unreadable"


class SecretLocation(msgspec.Struct, frozen=True):
    """Location to which a ciphertext is bound. `kind` is variable, resource or transport."""

    workspace: str
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """Key of a workspace in one version; 32 bytes that are never shown."""

    version: int
    secret: bytes = field(repr=False)


async def newest_key(db: Database, keys: InstanceKeys, workspace: str) -> DataKey:
    """Return the key that encrypts in this workspace. The first call creates it.

    Never call it inside a transaction: the key is committed before anything is encrypted with it. Of two concurrent
    first calls, both return the key that was stored. Raises SecretUnreadable if the instance key differs.
    """
    async with db.acquire() as conn:
        row = await data_keys.get_newest(conn, workspace)
        if row is None:
            await data_keys.insert(conn, workspace, wrap(keys, workspace, new_data_key(1)))
            row = await data_keys.get_newest(conn, workspace)
    assert row is not None
    return unwrap(keys, workspace, row)


def unwrap(keys: InstanceKeys, workspace: str, row: KeyRow) -> DataKey:
    """Return the key of a row. Raises SecretUnreadable."""
    if not has_sealed(keys, row.wrapped_by):
        raise SecretUnreadable(
            f"The secrets of {workspace} were encrypted with another instance key.",
            hint="Start with the instance key that was used to store them (ORVANTA_INSTANCE_KEY, or instance.key).",
        )
    name = _key_name(workspace, row.version)
    opened = keys.first_match(_WRAPPING, lambda key: _opened(key, name, row.wrapped))
    if opened is None:
        raise _unreadable(f"key of {workspace}")
    return DataKey(row.version, opened)


def wrap(keys: InstanceKeys, workspace: str, key: DataKey) -> KeyRow:
    """Return the row of a data key, sealed with the instance key."""
    sealed = _seal(keys.key(_WRAPPING), _key_name(workspace, key.version), key.secret)
    return KeyRow(key.version, sealed, fingerprint(keys))


def new_data_key(version: int) -> DataKey:
    """Return a random data key."""
    return DataKey(version, AESGCM.generate_key(256))


def seal(key: DataKey, location: SecretLocation, secret: bytes) -> bytes:
    """Return a ciphertext that can be decrypted only for this location: a nonce, then AES-256-GCM."""
    return _seal(key.secret, _name(key, location), secret)


def unseal(key: DataKey, location: SecretLocation, sealed: bytes) -> bytes:
    """Return the decrypted secret. Raises SecretUnreadable for a changed or moved ciphertext."""
    return _unseal(key.secret, _name(key, location), sealed, f"{location.kind} {location.path}")


def seal_opening(keys: InstanceKeys, job: UUID, attempt: int, texts: Sequence[str]) -> tuple[bytes, bytes]:
    """Encrypt the texts resolved for an attempt of a job, for its worker. Returns a digest that identifies equal ones,
    and the ciphertext.
    """
    secret, body = keys.key(_OPENINGS), msgspec.json.encode(texts)
    name = msgspec.json.encode([job, attempt])
    return hmac.digest(secret, name + body, "sha256")[:16], _seal(secret, name, body)


def unseal_opening(keys: InstanceKeys, job: UUID, attempt: int, sealed: bytes) -> list[str]:
    """Return the texts of an opening. Raises SecretUnreadable."""
    name = msgspec.json.encode([job, attempt])
    body = keys.first_match(_OPENINGS, lambda key: _opened(key, name, sealed))
    if body is None:
        raise _unreadable(f"openings of job {job}")
    return msgspec.json.decode(body, type=list[str])


def seal_result(keys: InstanceKeys, run: UUID, result: bytes) -> bytes:
    """Encrypt the result of a run for processes of this installation. Each run has a key of its own."""
    return _seal(hmac.digest(keys.key(_RESULTS), run.bytes, "sha256"), run.bytes, result)


def unseal_result(keys: InstanceKeys, run: UUID, sealed: bytes) -> bytes | None:
    """Return the result; None if it was sealed for another run or with another instance key."""
    return keys.first_match(_RESULTS, lambda key: _opened(hmac.digest(key, run.bytes, "sha256"), run.bytes, sealed))


def seal_grant(keys: InstanceKeys, server: str, grant: bytes) -> bytes:
    """Encrypt the grant of a worker for a server of this installation."""
    return _seal(keys.key(_GRANTS), server.encode(), grant)


def unseal_grant(keys: InstanceKeys, server: str, sealed: bytes) -> bytes | None:
    """Return the grant; None if it was sealed for another server or with another instance key."""
    return keys.first_match(_GRANTS, lambda key: _opened(key, server.encode(), sealed))


def _seal(secret: bytes, name: bytes, text: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(secret).encrypt(nonce, text, name)


def _unseal(secret: bytes, name: bytes, sealed: bytes, what: str) -> bytes:
    opened = _opened(secret, name, sealed)
    if opened is None:
        raise _unreadable(what)
    return opened


def _opened(secret: bytes, name: bytes, sealed: bytes) -> bytes | None:
    try:
        return AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], name)
    except (InvalidTag, ValueError):
        return None


def _unreadable(what: str) -> SecretUnreadable:
    return SecretUnreadable(f"The {what} cannot be decrypted.", hint="It was changed or moved: set it again.")


def _name(key: DataKey, location: SecretLocation) -> bytes:
    return msgspec.json.encode([location.workspace, location.kind, location.path, key.version])


def _key_name(workspace: str, version: int) -> bytes:
    return msgspec.json.encode([workspace, version])


def fingerprint(keys: InstanceKeys) -> str:
    """Return a digest that identifies the instance key that seals, without revealing it."""
    return _digest_of(keys.key(_FINGERPRINT))


def has_sealed(keys: InstanceKeys, digest: str) -> bool:
    """Return whether the digest is that of one of these instance keys."""
    return keys.first_match(_FINGERPRINT, lambda key: _digest_of(key) == digest or None) is not None


def _digest_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]
