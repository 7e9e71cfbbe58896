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


class SecretUnreadable(OrvantaError):
    """A stored secret cannot be decrypted: the instance key differs, the row was changed, or it was moved from another
    location.
    """

    code = "secret_unreadable"


@dataclass(frozen=True, slots=True)
class SecretLocation:
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
            secret = AESGCM.generate_key(256)
            first = KeyRow(1, _seal(keys.key(_WRAPPING), _key_name(workspace, 1), secret), _fingerprint(keys))
            await data_keys.insert(conn, workspace, first)
            row = await data_keys.get_newest(conn, workspace)
    assert row is not None
    return unwrap(keys, workspace, row)


def unwrap(keys: InstanceKeys, workspace: str, row: KeyRow) -> DataKey:
    """Return the key of a row. Raises SecretUnreadable."""
    if row.wrapped_by != _fingerprint(keys):
        raise SecretUnreadable(
            f"The secrets of {workspace} were encrypted with another instance key.",
            hint="Start with the instance key that was used to store them (ORVANTA_INSTANCE_KEY, or instance.key).",
        )
    opened = _unseal(keys.key(_WRAPPING), _key_name(workspace, row.version), row.wrapped, f"key of {workspace}")
    return DataKey(row.version, opened)


def seal(key: DataKey, place: SecretLocation, secret: bytes) -> bytes:
    """Return a ciphertext that can be decrypted only for this location: a nonce, then AES-256-GCM."""
    return _seal(key.secret, _name(key, place), secret)


def unseal(key: DataKey, place: SecretLocation, sealed: bytes) -> bytes:
    """Return the decrypted secret. Raises SecretUnreadable for a changed or moved ciphertext."""
    return _unseal(key.secret, _name(key, place), sealed, f"{place.kind} {place.path}")


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
    body = _unseal(keys.key(_OPENINGS), name, sealed, f"openings of job {job}")
    return msgspec.json.decode(body, type=list[str])


def _seal(secret: bytes, name: bytes, text: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(secret).encrypt(nonce, text, name)


def _unseal(secret: bytes, name: bytes, sealed: bytes, what: str) -> bytes:
    try:
        return AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], name)
    except (InvalidTag, ValueError) as error:
        raise SecretUnreadable(
            f"The {what} cannot be decrypted.", hint="It was changed or moved: set it again."
        ) from error


def _name(key: DataKey, place: SecretLocation) -> bytes:
    return msgspec.json.encode([place.workspace, place.kind, place.path, key.version])


def _key_name(workspace: str, version: int) -> bytes:
    return msgspec.json.encode([workspace, version])


def _fingerprint(keys: InstanceKeys) -> str:
    """Return a digest that identifies the instance key without revealing it."""
    return hashlib.sha256(keys.key(f"{_WRAPPING}, fingerprint")).hexdigest()[:16]
