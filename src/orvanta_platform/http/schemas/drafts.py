"""Wire shapes of drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.drafts import DraftRow
from orvanta_platform.errors import BadRequest, NotFound
from orvanta_platform.http.requests import decode
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.catalog.drafts import NewDraft


class SaveDraft(msgspec.Struct, kw_only=True):
    """A state of a draft: `value` is any object and comes back byte for byte.

    `revision`: that of the answer it builds on; absent: there is no draft yet.
    """

    value: Raw
    base_version: int | None = None
    revision: int | None = None


class CreateDraft(msgspec.Struct, kw_only=True):
    """A draft that replaces whatever draft of the path there is."""

    path: str
    typ: Literal["flow", "script"]
    value: Raw
    base_version: int | None = None


class DraftHead(msgspec.Struct, kw_only=True):
    """A draft without what it says.

    `newest_version` differs from `base_version` where somebody has deployed since; `hash` is the SHA-256 of `value`.
    """

    kind: Literal["flow", "script"]
    path: str
    revision: int
    hash: str
    base_version: int | None
    newest_version: int | None
    created_at: datetime
    edited_at: datetime


class Draft(DraftHead, kw_only=True):
    """A draft."""

    value: Raw | UnsetType = UNSET


def kind_of(word: str) -> Kind:
    """`script` or `flow` of a call's path. Raises NotFound."""
    if word == "script":
        return "script"
    if word == "flow":
        return "flow"
    raise NotFound(f"There is no kind {word[:40]!r}.", hint="One of flow, script.")


def to_save(body: bytes, kind: Kind, path: str) -> NewDraft:
    """A call to save a draft. Raises BadRequest."""
    given = decode(body, SaveDraft)
    return NewDraft(kind, path, _object(given.value), given.base_version, given.revision)


def to_create(body: bytes) -> NewDraft:
    """A call to put a draft over whatever there is. Raises BadRequest."""
    given = decode(body, CreateDraft)
    return NewDraft(given.typ, given.path, _object(given.value), given.base_version, overwrites=True)


def head(row: DraftRow) -> DraftHead:
    """A draft in a list, and what a save answers."""
    return DraftHead(**_shown(row))  # type: ignore[arg-type]


def draft(row: DraftRow) -> Draft:
    """A draft with what it says."""
    return Draft(**_shown(row), value=Raw(row.body))  # type: ignore[arg-type]


def _shown(row: DraftRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in DraftHead.__struct_fields__}


def _object(value: Raw) -> bytes:
    text = bytes(value)
    if not text.startswith(b"{"):
        raise BadRequest("The `value` of a draft must be an object.")
    return text
