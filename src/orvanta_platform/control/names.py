"""The grammar of paths and names, and the random tokens people and programs hold."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Literal

from orvanta_platform.errors import BadRequest

_SEGMENT = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
PATH = rf"[uf]/[A-Za-z0-9_-]+(?:/{_SEGMENT})+"
"""Regular expression of the paths of items, at most LONGEST_PATH characters."""

LONGEST_PATH = 255
_PATH = re.compile(PATH)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
LONGEST_FILE_KEY = 1024
_PREFIXES = {"user": "ov_", "session": "ovs_", "first_password": "ovf_"}
_SHOWN = 12


def is_path(path: str) -> bool:
    """Whether this is the path of an item: `u/<user>/…` or `f/<folder>/…`, at least three segments.

    A segment has letters, digits, `_`, `-` and single dots inside.
    """
    return len(path) <= LONGEST_PATH and _PATH.fullmatch(path) is not None


def check_path(path: str) -> None:
    """Nothing for a path items may have. Raises BadRequest."""
    if not is_path(path):
        raise BadRequest(
            f"{path[:200]!r} is no path.",
            hint="Write u/<user>/<name> or f/<folder>/<name>: letters, digits, _, - and dots inside a name.",
        )


def is_owned(path: str | None) -> bool:
    """Whether a path lies below a user or folder; that of a file need not."""
    return path is not None and path.startswith(("u/", "f/"))


def file_key(given: str) -> str:
    """The name of a file as it is kept: segments with `/` between, without the slash that some write in front.

    Names below `u/` and `f/` are those of a user or folder. Raises BadRequest.
    """
    key = given.removeprefix("/")
    segments = key.split("/")
    fits = 0 < len(key.encode("utf-8", "surrogatepass")) <= LONGEST_FILE_KEY and key.isprintable() and "\\" not in key
    if not fits or {"", ".", ".."} & set(segments) or (is_owned(key) and len(segments) < 3):
        raise BadRequest(
            f"{given[:200]!r} is no name of a file.",
            hint="Write folder/name.txt, u/<user>/name.txt or f/<folder>/name.txt, without empty or dotted parts; at "
            f"most {LONGEST_FILE_KEY} bytes.",
        )
    return key


def folder_of(path: str) -> str | None:
    """The folder a path lies in, None for a user's."""
    area, _, rest = path.partition("/")
    return rest.partition("/")[0] if area == "f" else None


def check_name(kind: str, name: str) -> None:
    """Nothing for a name a `kind` (workspace, folder, user) may have. Raises BadRequest."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name[:200]!r} is no name of a {kind}.", hint="Use letters, digits, _ and -.")


def check_email(email: str) -> str:
    """The address in lower case. Raises BadRequest for what is none."""
    if not _EMAIL.fullmatch(email):
        raise BadRequest(f"{email[:200]!r} is no e-mail address.")
    return email.lower()


def check_principals(names: Iterable[str]) -> None:
    """Nothing for names like `u/<user>` and `g/<group>`. Raises BadRequest."""
    for name in names:
        area, _, rest = name.partition("/")
        if area not in ("u", "g") or not _NAME.fullmatch(rest):
            raise BadRequest(f"{name[:200]!r} is neither u/<user> nor g/<group>.")


def new_token(kind: Literal["user", "session", "first_password"]) -> str:
    """A fresh secret of 32 random bytes; the prefix tells people and scanners what it is."""
    return _PREFIXES[kind] + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored of a token and looked up by."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def token_prefix(token: str) -> str:
    """What lists show of a token."""
    return token[:_SHOWN]
