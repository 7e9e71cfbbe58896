"""Instance key, the one secret shared by all processes of an installation, and the keys derived from it."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orvanta_platform import clock
from orvanta_platform.errors import Conflict, SettingsError
from orvanta_platform.settings import Settings

_MIN_LENGTH = 32
_FILE = "instance.key"
_LOCK_FILE = "instance.key.lock"
_CHECK_S = 1.0

T = TypeVar("T")


class InstanceKeys:
    """Keys derived from the instance key, one for each purpose. Never printed.

    During a rotation there are two instance keys: the first seals and signs, both open and verify. With `reread`, which
    returns the current ones or None if they are unchanged, a running process learns a new key within a second.
    """

    __slots__ = ("_derived", "_next_check", "_reread", "_roots")

    def __init__(self, root: bytes, *others: bytes, reread: Callable[[], Sequence[bytes] | None] | None = None) -> None:
        self._roots = (root, *others)
        self._derived: dict[tuple[bytes, str], bytes] = {}
        self._reread = reread
        self._next_check = clock.monotonic() + _CHECK_S

    def key(self, purpose: str) -> bytes:
        """Return 32 bytes for this purpose: the same in every process, and unrelated to those of other purposes."""
        return self.candidates(purpose)[0]

    def candidates(self, purpose: str) -> list[bytes]:
        """Return the keys for this purpose that open and verify; the first seals and signs."""
        if self._reread is not None and clock.monotonic() >= self._next_check:
            self.refresh()
        return [self._derive(root, purpose) for root in self._roots]

    def first_match(self, purpose: str, attempt: Callable[[bytes], T | None]) -> T | None:
        """Return the first result of `attempt` with a key for this purpose that is not None.

        Keys that were stored since the last check are read before None is returned.
        """
        found = next((result for key in self.candidates(purpose) if (result := attempt(key)) is not None), None)
        if found is None and self.refresh():
            found = next((result for key in self.candidates(purpose) if (result := attempt(key)) is not None), None)
        return found

    def refresh(self) -> bool:
        """Read the keys if they were changed; return whether they were."""
        self._next_check = clock.monotonic() + _CHECK_S
        roots = self._reread() if self._reread is not None else None
        if not roots or tuple(roots) == self._roots:
            return False
        self._roots = tuple(roots)
        self._derived = {}
        return True

    def _derive(self, root: bytes, purpose: str) -> bytes:
        derived = self._derived.get((root, purpose))
        if derived is None:
            derived = HKDF(SHA256(), 32, salt=b"orvanta", info=purpose.encode()).derive(root)
            self._derived[root, purpose] = derived
        return derived

    def __repr__(self) -> str:
        return "InstanceKeys(…)"


def load(settings: Settings) -> InstanceKeys:
    """Return the keys of ORVANTA_INSTANCE_KEY, otherwise of `instance.key` in ORVANTA_HOME, created (0600) if missing.

    Raises SettingsError for a key that is too short, a file that others can read, or a home that is not writable.
    """
    changes = None if settings.instance_key is not None else _FileChanges(settings.home / _FILE)
    return InstanceKeys(*_checked(text(settings)), reread=changes)


def exists(settings: Settings) -> bool:
    """Return whether there is a key, which `load` otherwise creates."""
    return settings.instance_key is not None or (settings.home / _FILE).exists()


def text(settings: Settings) -> str:
    """Return the keys themselves, one on each line, for a backup. Raises like `load`."""
    if settings.instance_key is None:
        return _from_file(settings.home / _FILE)
    return "\n".join(filter(None, (settings.instance_key, settings.second_instance_key)))


@contextmanager
def rotating(settings: Settings) -> Iterator[None]:
    """Make the block the only rotation of the key file.

    Raises Conflict if another process rotates it, SettingsError if the lock file cannot be opened.
    """
    if settings.instance_key is not None:
        yield
        return
    path = settings.home / _LOCK_FILE
    try:
        # Root does not follow a link that the owner of the folder has put there.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise SettingsError(f"The lock file {path} cannot be opened: {error}.", hint="Remove it.") from error
    with os.fdopen(handle, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("Another rotation of the instance key is running.") from error
        yield


def begin_rotation(settings: Settings) -> bool:
    """Store a new key before the current one; return False if a rotation has begun already.

    With ORVANTA_INSTANCE_KEY nothing is stored: the operator exchanges its keys. Raises SettingsError.
    """
    present = text(settings).splitlines()
    if len(present) > 1 or settings.instance_key is not None:
        return False
    store(settings, f"{_random_key()}\n{present[0]}", replace=True)
    return True


def end_rotation(settings: Settings) -> None:
    """Store only the key that seals; the other one opens nothing from now on."""
    if settings.instance_key is None:
        store(settings, text(settings).splitlines()[0], replace=True)


def store(settings: Settings, key: str, *, replace: bool) -> None:
    """Store the key of a backup in the home. Raises SettingsError if another one is stored or set.

    With `replace`, the file of another key is replaced.
    """
    path = settings.home / _FILE
    if settings.instance_key is not None:
        if settings.instance_key != key.partition("\n")[0]:
            raise SettingsError("ORVANTA_INSTANCE_KEY is not the key of the backup.", hint="Unset it, or set that one.")
        return
    if path.exists() and not replace and path.read_text(encoding="ascii").strip() != key:
        raise SettingsError(f"{path} contains another key.", hint="Restore into an empty home, or pass --force.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{_FILE}.{secrets.token_hex(8)}")
    # Rotated by root, the file still belongs to the user that the processes run as.
    owner = path.stat() if path.exists() else path.parent.stat()
    _write(draft, key, owner if os.geteuid() == 0 else None)
    draft.replace(path)
    _sync_folder(path.parent)


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
    try:
        _write(draft, _random_key())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, key: str, owner: os.stat_result | None = None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        if owner is not None:
            os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make a renamed file survive a crash of the machine."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _checked(found: str) -> list[bytes]:
    keys = found.splitlines() or [""]
    if any(len(key) < _MIN_LENGTH for key in keys):
        raise SettingsError(
            f"The instance key is shorter than {_MIN_LENGTH} characters.",
            hint="Create one with `openssl rand -base64 32` and set it as ORVANTA_INSTANCE_KEY for every process.",
        )
    return [key.encode() for key in keys]


class _FileChanges:
    """Keys of a file, each time that it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()

    def __call__(self) -> Sequence[bytes] | None:
        state = self._state()
        if state is None or state == self._seen:
            return None
        try:
            found = _checked(_from_file(self._path))
        except SettingsError:
            # The keys that are known remain valid; the next check tries again.
            return None
        self._seen = state
        return found

    def _state(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
