"""The instance key: the one secret all processes of an installation share, and the keys made from it."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orvanta_platform.errors import SettingsError
from orvanta_platform.settings import Settings

_SHORTEST = 32
_FILE = "instance.key"


class InstanceKeys:
    """Keys derived from the instance key, one for each purpose. Never printed."""

    __slots__ = ("_derived", "_root")

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._derived: dict[str, bytes] = {}

    def key(self, purpose: str) -> bytes:
        """32 bytes for this purpose: the same in every process, unrelated to those of other purposes."""
        if purpose not in self._derived:
            made = HKDF(SHA256(), 32, salt=b"orvanta", info=purpose.encode()).derive(self._root)
            self._derived[purpose] = made
        return self._derived[purpose]

    def __repr__(self) -> str:
        return "InstanceKeys(…)"


def load(settings: Settings) -> InstanceKeys:
    """The keys of ORVANTA_INSTANCE_KEY, else of `instance.key` in ORVANTA_HOME, made (0600) where missing.

    Raises SettingsError for a key that is too short, a file others may read, or a home nobody may write.
    """
    found = text(settings)
    if len(found) < _SHORTEST:
        raise SettingsError(
            f"The instance key is shorter than {_SHORTEST} characters.",
            hint="Make one with `openssl rand -base64 32`; set it as ORVANTA_INSTANCE_KEY everywhere.",
        )
    return InstanceKeys(found.encode())


def text(settings: Settings) -> str:
    """The key itself, for a backup. Raises as `load`."""
    return settings.instance_key or _from_file(settings.home / _FILE)


def keep(settings: Settings, key: str, *, replace: bool) -> None:
    """Have a home use this key, that of a backup. Raises SettingsError where another one is there or is set.

    `replace`: the file of another key is replaced.
    """
    path = settings.home / _FILE
    if settings.instance_key is not None:
        if settings.instance_key != key:
            raise SettingsError("ORVANTA_INSTANCE_KEY is not the key of the backup.", hint="Unset it, or set that one.")
        return
    if path.exists() and not replace and path.read_text(encoding="ascii").strip() != key:
        raise SettingsError(f"{path} holds another key.", hint="Restore into an empty home, or give --force.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{_FILE}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(f"{key}\n", encoding="ascii")
    draft.replace(path)


def _from_file(path: Path) -> str:
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"Others may read {path}.", hint=f"Run `chmod 600 {path}`.")
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The instance key {path} cannot be used: {error}.",
            hint="Give this user the folder, or set ORVANTA_INSTANCE_KEY.",
        ) from error


def _make(path: Path) -> None:
    """Write a fresh key. Of two processes that start at once, both read the one that was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{_FILE}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
