"""Schemas of drafts."""

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
    """A state of a draft."""

    value: Raw
    """Any object. It is returned byte for byte."""

    base_version: int | None = None
    revision: int | None = msgspec.field(name="seq", default=None)
    """`seq` of the response that this state builds on; absent if there is no draft yet."""


class CreateDraft(msgspec.Struct, kw_only=True):
    """A draft that replaces any other draft of its path."""

    path: str
    typ: Literal["flow", "script"]
    value: Raw
    base_version: int | None = None


class DraftHead(msgspec.Struct, kw_only=True):
    """A draft without its value."""

    kind: Literal["flow", "script"]
    path: str
    revision: int = msgspec.field(name="seq")
    """Number that each save increases. The next save and the deployment name it."""

    hash: str
    """SHA-256 of `value`."""

    base_version: int | None
    newest_version: int | None
    """Newest version. It differs from `base_version` if another one was deployed since."""

    created_at: datetime
    edited_at: datetime


class OthersDraft(msgspec.Struct, kw_only=True):
    """A draft of another member, which only that member can open."""

    owner: str
    """Username."""

    base_version: int | None
    edited_at: datetime


class Draft(DraftHead, kw_only=True):
    """A draft."""

    value: Raw | UnsetType = UNSET


def kind_of(word: str) -> Kind:
    """Return the item kind named in a path: `script` or `flow`. Raises NotFound."""
    if word == "script":
        return "script"
    if word == "flow":
        return "flow"
    raise NotFound(f"There is no kind {word[:40]!r}.", hint="The kinds are flow and script.")


def to_save(body: bytes, kind: Kind, path: str) -> NewDraft:
    """Convert the body of a call that saves a draft. Raises BadRequest."""
    sent = decode(body, SaveDraft)
    return NewDraft(kind, path, _object(sent.value), sent.base_version, sent.revision)


def to_create(body: bytes) -> NewDraft:
    """Convert the body of a call that replaces a draft. Raises BadRequest."""
    sent = decode(body, CreateDraft)
    return NewDraft(sent.typ, sent.path, _object(sent.value), sent.base_version, overwrites=True)


class _ItemBody(msgspec.Struct):
    path: str | None = None
    draft_only: bool | None = None


def path_of_item(body: bytes) -> str | None:
    """Return the path in the body of a call that creates an item, with `draft_only`; None without it.

    Raises BadRequest.
    """
    sent = decode(body, _ItemBody)
    if not sent.draft_only:
        return None
    if sent.path is None:
        raise BadRequest("A draft needs a `path`.")
    return sent.path


def of_item(body: bytes, kind: Kind, path: str) -> NewDraft:
    """Return the draft in the body of a call that creates an item at `path`.

    A workflow's document is stored as its source, which the editor opens. Raises BadRequest.
    """
    members: dict[str, object] = {name: raw for name, raw in decode(body, dict[str, Raw]).items() if name not in _HEAD}
    if kind == "flow" and "source" not in members:
        text = msgspec.json.format(msgspec.json.encode(members)).decode()
        members["source"] = {"format": "yaml", "text": text}
    return NewDraft(kind, path, msgspec.json.encode(members), overwrites=True)


_HEAD = ("path", "draft_only", "deployment_message")


def head(row: DraftRow) -> DraftHead:
    """Convert a draft without its value."""
    return DraftHead(**_shown(row))  # type: ignore[arg-type]


def draft(row: DraftRow) -> Draft:
    """Convert a draft with its value."""
    return Draft(**_shown(row), value=Raw(row.body))  # type: ignore[arg-type]


def _shown(row: DraftRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in DraftHead.__struct_fields__}


def _object(value: Raw) -> bytes:
    text = bytes(value)
    if not text.startswith(b"{"):
        raise BadRequest("The `value` of a draft must be an object.")
    return text
