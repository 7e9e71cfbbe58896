"""Grammar of paths and names, and generation of random tokens."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from typing import Literal

from orvanta_platform.errors import BadRequest

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0980-\u0dff\u0e31-\u0e4e\u1000-\u109f"
"""Accents and vowel signs, which are neither letters nor digits."""
LETTERS = rf"\w{_MARKS}"
"""Members of a regular expression's class: letters and digits of any alphabet, and `_`."""
_WORD = rf"[{LETTERS}-]+"
PATH = rf"(?:u/[A-Za-z0-9_-]+|f/{_WORD})(?:/{_WORD}(?:\.{_WORD})*)+"
"""Regular expression of the paths of items, at most MAX_PATH_LENGTH characters in Unicode normal form C."""

_CONFUSABLE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "FULLWIDTH"})
"""Alphabets with letters that look like those of another one, by the first word of the Unicode names of letters."""

MAX_PATH_LENGTH = 255
_PATH = re.compile(PATH)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FOLDER = re.compile(rf"(?=.{{1,100}}\Z){_WORD}")
_NOT_EMAIL = r"@\s\x00-\x1f\x7f/\\()<>\[\]:;,\""
"""Characters that no part of an e-mail address has: separators of paths, and of lists and names in mail headers."""
_EMAIL = re.compile(rf"[^{_NOT_EMAIL}]{{1,64}}@[^{_NOT_EMAIL}]{{1,190}}")
_COLOR = re.compile(r"#(?:[0-9a-f]{3}){1,2}")
MAX_FILE_KEY_LENGTH = 1024
RESERVED_USERNAMES = frozenset({"nobody", "orvanta", "retention", "scim", "system"})
"""Names under which the platform itself, and failed logins to unknown accounts, appear in the audit trail."""

_SERVICE = "service.orvanta"
"""End of the addresses of service accounts."""

_PREFIXES = {"user": "ov_", "session": "ovs_", "first_password": "ovf_", "scim": "ovp_"}
_SHOWN = 12


def is_path(path: str) -> bool:
    """Return whether this is the path of an item: `u/<user>/…` or `f/<folder>/…`, at least three segments.

    A segment has letters and digits of any alphabet, `_`, `-` and single dots inside. The name of a user has those of
    ASCII only.
    """
    return len(path) <= MAX_PATH_LENGTH and _PATH.fullmatch(path) is not None and unicodedata.is_normalized("NFC", path)


def check_path(path: str) -> None:
    """Check that a path is valid for items. Raises BadRequest."""
    if not is_path(path):
        raise BadRequest(
            f"{path[:200]!r} is not a valid path.",
            hint="Write u/<user>/<name> or f/<folder>/<name>: letters, digits, _, - and dots inside a name.",
        )


def is_owned(path: str | None) -> bool:
    """Return whether a path is below a user or folder, which is optional for a file."""
    return path is not None and path.startswith(("u/", "f/"))


def file_key(name: str) -> str:
    """Return the normal form of the name of a file: segments separated by `/`, without a leading slash.

    Names below `u/` and `f/` are those of a user or folder. Raises BadRequest.
    """
    key = name.removeprefix("/")
    segments = key.split("/")
    fits = (
        0 < len(key.encode("utf-8", "surrogatepass")) <= MAX_FILE_KEY_LENGTH and key.isprintable() and "\\" not in key
    )
    if not fits or {"", ".", ".."} & set(segments) or (is_owned(key) and len(segments) < 3):
        raise BadRequest(
            f"{name[:200]!r} is not a valid file name.",
            hint="Write folder/name.txt, u/<user>/name.txt or f/<folder>/name.txt, without empty or dotted parts; at "
            f"most {MAX_FILE_KEY_LENGTH} bytes.",
        )
    return key


def folder_of(path: str) -> str | None:
    """Return the folder of a path, or None for a user's path."""
    area, _, rest = path.partition("/")
    return rest.partition("/")[0] if area == "f" else None


def check_name(kind: str, name: str) -> None:
    """Check the name of a `kind` (workspace, user, group). Raises BadRequest."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name[:200]!r} is not a valid {kind} name.", hint="Use letters, digits, _ and -.")


def check_folder(name: str) -> None:
    """Check the name of a folder, which has letters and digits of any alphabet. Raises BadRequest."""
    if not _FOLDER.fullmatch(name) or not unicodedata.is_normalized("NFC", name):
        raise BadRequest(f"{name[:200]!r} is not a valid folder name.", hint="Use letters, digits, _ and -.")
    if len({_alphabet(letter) for letter in name} & _CONFUSABLE) > 1:
        raise BadRequest(
            f"The folder name {name!r} mixes alphabets with letters that look alike.",
            hint="Use the letters of one alphabet.",
        )


def _alphabet(letter: str) -> str:
    """Return the first word of the Unicode name of a character; of a letter, this is the alphabet."""
    return unicodedata.name(letter, "").partition(" ")[0]


def check_username(username: str) -> None:
    """Check the username of an account or member. Raises BadRequest, also for RESERVED_USERNAMES."""
    check_name("user", username)
    if username in RESERVED_USERNAMES:
        raise BadRequest(f"The username {username} is reserved.", hint="Use another one.")


def check_email(email: str) -> str:
    """Return the address in lower case. Raises BadRequest if it is invalid, or cannot be part of the path of a call."""
    if not _EMAIL.fullmatch(email):
        raise BadRequest(f"{email[:200]!r} is not a valid e-mail address.")
    if is_service_email(email.lower()):
        raise BadRequest(f"Addresses that end in .{_SERVICE} are those of service accounts.")
    return email.lower()


def check_color(color: str) -> str:
    """Return a color `#rrggbb` or `#rgb` in lower case. Raises BadRequest."""
    if not _COLOR.fullmatch(color.lower()):
        raise BadRequest("`color` is written #rrggbb.", hint="For example #b3261e.")
    return color.lower()


def service_email(workspace: str, username: str) -> str:
    """Return the address of a service account, at which nobody receives mail."""
    return f"{username}@{workspace}.{_SERVICE}".lower()


def is_service_email(email: str) -> bool:
    """Return whether an address belongs to a service account."""
    return email.endswith(f".{_SERVICE}")


def check_principals(names: Iterable[str]) -> None:
    """Check names like `u/<user>` and `g/<group>`. Raises BadRequest."""
    for name in names:
        area, _, rest = name.partition("/")
        if area not in ("u", "g") or not _NAME.fullmatch(rest):
            raise BadRequest(f"{name[:200]!r} is neither u/<user> nor g/<group>.")


def new_token(kind: Literal["user", "session", "first_password", "scim"]) -> str:
    """Return a random secret of 32 bytes, with a prefix that identifies its kind to people and scanners."""
    return _PREFIXES[kind] + secrets.token_urlsafe(32)


def is_user_token(token: str) -> bool:
    """Return whether a token is of the kind that users create for programs, so that no login sets it as a cookie."""
    return token.startswith(_PREFIXES["user"])


def token_hash(token: str) -> bytes:
    """Return the hash under which a token is stored and looked up."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def token_prefix(token: str) -> str:
    """Return the part of a token that lists show."""
    return token[:_SHOWN]
