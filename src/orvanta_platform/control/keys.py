"""Instance key, the one secret shared by all processes of an installation, and the keys derived from it."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orvanta_platform.errors import SettingsError
from orvanta_platform.settings import Settings

_MIN_LENGTH = 32
_FILE = "instance.key"


class InstanceKeys:
    """Keys derived from the instance key, one for each purpose. Never printed."""

    __slots__ = ("_derived", "_root")

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._derived: dict[str, bytes] = {}

    def key(self, purpose: str) -> bytes:
        """Return 32 bytes for this purpose: the same in every process, and unrelated to those of other purposes."""
        if purpose not in self._derived:
            derived = HKDF(SHA256(), 32, salt=b"orvanta", info=purpose.encode()).derive(self._root)
            self._derived[purpose] = derived
        return self._derived[purpose]

    def __repr__(self) -> str:
        return "InstanceKeys(…)"


def load(settings: Settings) -> InstanceKeys:
    """Return the keys of ORVANTA_INSTANCE_KEY, otherwise of `instance.key` in ORVANTA_HOME, created (0600) if missing.

    Raises SettingsError for a key that is too short, a file that others can read, or a home that is not writable.
    """
    found = text(settings)
    if len(found) < _MIN_LENGTH:
        raise SettingsError(
            f"The instance key is shorter than {_MIN_LENGTH} characters.",
            hint="Create one with `openssl rand -base64 32` and set it as ORVANTA_INSTANCE_KEY for every process.",
        )
    return InstanceKeys(found.encode())


def text(settings: Settings) -> str:
    """Return the key itself, for a backup. Raises like `load`."""
    return settings.instance_key or _from_file(settings.home / _FILE)


def store(settings: Settings, key: str, *, replace: bool) -> None:
    """Store the key of a backup in the home. Raises SettingsError if another one is stored or set.

    With `replace`, the file of another key is replaced.
    """
    path = settings.home / _FILE
    if settings.instance_key is not None:
        if settings.instance_key != key:
            raise SettingsError("ORVANTA_INSTANCE_KEY is not the key of the backup.", hint="Unset it, or set that one.")
        return
    if path.exists() and not replace and path.read_text(encoding="ascii").strip() != key:
        raise SettingsError(f"{path} contains another key.", hint="Restore into an empty home, or pass --force.")
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
            raise SettingsError(f"Other users can read {path}.", hint=f"Run `chmod 600 {path}`.")
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The instance key {path} cannot be used: {error}.",
            hint="Give this user access to the folder, or set ORVANTA_INSTANCE_KEY.",
        ) from error


def _make(path: Path) -> None:
    """Write a new key. If two processes start concurrently, both read the one that was written first."""
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
