"""Messages between a server process and its Git child, as MessagePack with a length in front."""

from __future__ import annotations

import struct
from typing import Final

import msgspec

LENGTH: Final = struct.Struct(">I")
MAX_MESSAGE_BYTES: Final = 64 << 20
"""Maximum size of a message in bytes."""


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """Branch of a repository."""

    url: str
    addresses: list[str]
    """Checked addresses of the host; empty for a file URL."""
    branch: str
    folder: str
    """Folder with the tree, without slashes at the ends; empty: the root."""
    username: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return f"Remote({self.url!r}, {self.branch!r})"


class Fetch(msgspec.Struct, tag=True, kw_only=True):
    """Read the branch, unless its commit is `known`."""

    remote: Remote
    storage: str
    """Empty folder for the objects."""
    known: str | None = None


class Probe(msgspec.Struct, tag=True, kw_only=True):
    """List the branches of the repository, without reading them."""

    remote: Remote


class Change(msgspec.Struct, kw_only=True):
    """Commit to make: files to remove and to write, by names relative to the folder of the remote."""

    author: str
    email: str
    at: int
    """Seconds since 1970."""
    message: str
    remove: list[str]
    write: dict[str, bytes]


class Build(msgspec.Struct, tag=True, kw_only=True):
    """Make commits on top of the fetched one, without sending them."""

    changes: list[Change]


class Push(msgspec.Struct, tag=True, kw_only=True):
    """Send the commits made last, if the branch is still at the fetched commit."""


class Entry(msgspec.Struct, kw_only=True):
    """Commit of the branch."""

    id: str
    author: str
    email: str
    at: int
    message: str


class Finding(msgspec.Struct, kw_only=True):
    """File that is ignored, and the reason."""

    name: str
    reason: str


class Fetched(msgspec.Struct, tag=True, kw_only=True):
    """State of the branch."""

    head: str | None
    """Commit; None: the branch does not exist."""
    files: dict[str, bytes] | None = None
    """Files of items by name; None: the branch is at the known commit."""
    log: list[Entry] = []
    """Newest commits, the newest first."""
    findings: list[Finding] = []


class Probed(msgspec.Struct, tag=True, kw_only=True):
    """State of the repository."""

    has_branch: bool
    """The branch of the remote exists."""
    branches: list[str]
    """Names of some branches, in order."""


class Built(msgspec.Struct, tag=True, kw_only=True):
    """Ids of the commits, one for each change; None for a change without an effect."""

    ids: list[str | None]


class Pushed(msgspec.Struct, tag=True, kw_only=True):
    """The branch is at the last commit."""


class Failed(msgspec.Struct, tag=True, kw_only=True):
    """The request failed."""

    code: str
    message: str


Request = Probe | Fetch | Build | Push
Answer = Probed | Fetched | Built | Pushed | Failed


class GitFault(Exception):
    """A repository cannot be read or written. `code` is stable; the message contains no credentials."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
