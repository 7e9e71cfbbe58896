"""Limits on lists that a caller stores and that later calls of other callers read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.errors import BadRequest, LimitExceeded

MAX_PRINCIPALS: Final = 1_000
"""Maximum number of owners and entries of `extra_perms` of a folder or item, each counted once."""

MAX_SCOPES: Final = 100
MAX_SCOPE_LENGTH: Final = 300
MAX_LABELS: Final = 100
MAX_LABEL_LENGTH: Final = 200

MAX_TEXT_LENGTH: Final = 10_000
"""Maximum length of a name, summary, description, message or reason that lists and the audit trail show."""

MAX_LINE_LENGTH: Final = 1_000
"""Maximum length of a display name or label, which lists show in one line."""

_NOT_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line breaks, and characters that reverse the direction of the text after them."""

MAX_TAG_LENGTH: Final = 300
"""Maximum length of a tag, which each job of a run stores."""

MAX_SETTINGS_BYTES: Final = 256 << 10
"""Maximum size in bytes of the settings of a script or workflow as JSON text, without its schema."""

MAX_RETRY_LENGTH: Final = 16 << 10
"""Maximum length of the retry of a schedule or HTTP trigger as JSON text, which each of its runs reads."""

MAX_TYPE_SCHEMA_LENGTH: Final = 256 << 10
"""Maximum length of the schema of a resource type as JSON text."""


def check_count(what: str, count: int, limit: int, *, hint: str) -> None:
    """Check that `what` has at most `limit` entries. Raises LimitExceeded."""
    if count > limit:
        message = f"{what}: at most {limit:,} entries are allowed, not {count:,}."
        raise LimitExceeded(message, hint=hint, details={"limit": limit})


def check_principals(count: int) -> None:
    """Check the number of users and groups that a folder or item names. Raises LimitExceeded."""
    hint = "Name a group instead of its members."
    check_count("Owners and extra_perms of a folder or item", count, MAX_PRINCIPALS, hint=hint)


def check_scopes(scopes: list[str]) -> None:
    """Check the number of scopes of a token and their lengths. Raises LimitExceeded."""
    hint = "Use fewer, wider scopes such as jobs:run:f/sales/*, or several tokens."
    check_count("Scopes of a token", len(scopes), MAX_SCOPES, hint=hint)
    _check_lengths("A scope", scopes, MAX_SCOPE_LENGTH)


def check_labels(labels: Any) -> None:
    """Check labels. A value that is not a list has no labels. Raises LimitExceeded, BadRequest."""
    if isinstance(labels, list):
        check_count("Labels", len(labels), MAX_LABELS, hint="Use fewer labels.")
        texts = [each for each in labels if isinstance(each, str)]
        _check_lengths("A label", texts, MAX_LABEL_LENGTH)
        for each in texts:
            _check_shown("A label", each)


def check_text(what: str, text: str | None) -> None:
    """Check the length of a text that lists or the audit trail show. Raises LimitExceeded."""
    _check_lengths(what, [text or ""], MAX_TEXT_LENGTH)


def check_line(what: str, text: str | None) -> None:
    """Check a display name that lists show in one line; None and "" are no name. Raises LimitExceeded, BadRequest."""
    if text:
        _check_lengths(what, [text], MAX_LINE_LENGTH)
        _check_shown(what, text)


def check_tag(tag: str | None) -> None:
    """Check a tag, which names a queue in lists, messages and terminals. Raises LimitExceeded, BadRequest."""
    if tag:
        _check_lengths("A tag", [tag], MAX_TAG_LENGTH)
        _check_shown("A tag", tag)


def visible_line(text: str, longest: int = 200) -> str:
    """Return a text of a member as a part of a line that others trust: cut, visible, and without links."""
    shown = text if len(text) <= longest else f"{text[:longest]}…"
    return _NOT_IN_LINE.sub("\ufffd", shown).replace("://", ":// ")


def check_type_schema(text: str | None) -> None:
    """Check the length of the schema of a resource type, which lists show. Raises LimitExceeded."""
    _check_lengths("The schema of a resource type", [text or ""], MAX_TYPE_SCHEMA_LENGTH)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check the labels and the size of the settings of a script or workflow, which lists show. Raises LimitExceeded."""
    size = len(msgspec.json.encode({name: value for name, value in settings.items() if name != "schema"}))
    if size > MAX_SETTINGS_BYTES:
        raise LimitExceeded(
            f"The settings have {size:,} bytes without the schema; the limit is {MAX_SETTINGS_BYTES:,}.",
            hint="Shorten the description and other settings.",
            details={"limit": MAX_SETTINGS_BYTES},
        )
    labels, tag = (msgspec.json.decode(msgspec.json.encode(settings.get(name))) for name in ("labels", "tag"))
    check_labels(labels)
    check_tag(tag if isinstance(tag, str) else None)


def check_retry(text: str) -> None:
    """Check the size of the retry of a schedule or HTTP trigger. Raises LimitExceeded."""
    _check_lengths("A retry", [text], MAX_RETRY_LENGTH)


def _check_lengths(what: str, texts: list[str], longest: int) -> None:
    if any(len(text) > longest for text in texts):
        hint = "Use a shorter text."
        raise LimitExceeded(f"{what} has at most {longest} characters.", hint=hint, details={"limit": longest})


def _check_shown(what: str, text: str) -> None:
    if not text.strip() or _NOT_IN_LINE.search(text):
        hint = "Use printable characters, without line breaks and without marks that change the direction of text."
        raise BadRequest(f"{what} must be one line of visible text.", hint=hint)
