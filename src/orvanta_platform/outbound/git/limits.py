"""Limits of what is read from a repository, and checks of the names in it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from orvanta_platform.outbound.git.messages import GitFault
from orvanta_platform.units import size_text

PACK: Final = 64 << 20
"""Maximum size of the objects as they are received."""
INFLATED: Final = 256 << 20
"""Maximum size of all objects together."""
OBJECT: Final = 16 << 20
OBJECTS: Final = 100_000
FILES: Final = 20_000
LEVELS: Final = 32
FILE: Final = 4 << 20
"""Maximum size of a file of an item."""
ITEMS: Final = 32 << 20
"""Maximum size of the files of all items."""
NAME: Final = 1000
"""Maximum length of a name with its folders."""
HISTORY: Final = 50
"""Number of commits that are read."""

CONNECT_S: Final = 5.0
"""Time limit of connecting to an address."""
REQUEST_S: Final = 20.0
"""Time limit of each part of an answer."""
PROBE_S: Final = 20
"""Time limit of a child that only lists the branches."""
PROBE_WAIT_S: Final = 20
"""Maximum time that a request waits before its child starts."""
PROBE_MEMORY: Final = 512 << 20
PROBE_PROCESSOR_S: Final = 10
PROBE_FILE: Final = 1 << 20
"""Maximum size of a file that such a child writes."""
BRANCHES: Final = 5
"""Number of branches that are named."""
FIRST_S: Final = 60
"""Time limit of a child; after a failed synchronisation it is `DEADLINE_S`, because few of these run at once."""
DEADLINE_S: Final = 180
"""Time limit of everything that one child does."""

_IGNORABLE: Final = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def too_large(what: str, limit: int, *, size: bool = True) -> GitFault:
    """Return the error for a repository over a limit."""
    shown = size_text(limit) if size else f"{limit:,}"
    return GitFault("repository_too_large", f"{what}: the limit is {shown}.")


def refused(message: str) -> GitFault:
    """Return the error for a repository whose content is not accepted."""
    return GitFault("repository_refused", message)


def alike(one: str, other: str) -> GitFault:
    """Return the error for two names that some file systems do not distinguish."""
    return refused(f"The names {shown(one.encode())} and {shown(other.encode())} differ only in case or form.")


def name_of(raw: bytes) -> str:
    """Return a name in a tree as text. Raises GitFault for one that a file system or a terminal could misread."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise refused(f"The name {shown(raw)} is not UTF-8.") from None
    bare = unicodedata.normalize("NFC", _IGNORABLE.sub("", name)).casefold().rstrip(" .")
    if bare in ("", ".git", "git~1") or bare.startswith((".git:", ".git::")):
        raise refused(f"The name {shown(raw)} is not permitted.")
    if "/" in name or "\\" in name or _CONTROL.search(name) or _IGNORABLE.search(name):
        raise refused(f"The name {shown(raw)} has characters that are not permitted.")
    return name


def shown(raw: bytes) -> str:
    """Return a name for a message, without control characters."""
    return ascii(raw[:100].decode("utf-8", "replace"))


def line_of(text: bytes | str, longest: int) -> str:
    """Return text of a repository or server for people: without control characters, shortened."""
    found = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return _CONTROL.sub(" ", _IGNORABLE.sub("", found[: longest * 4])).strip()[:longest]
