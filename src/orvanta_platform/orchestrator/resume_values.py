"""Payloads of the events that resumed a suspended node, for expressions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class _Resume(msgspec.Struct):
    value: msgspec.Raw
    approver: str | None = None


def resumed(root: str, raws: Sequence[bytes]) -> bytes:
    """Return `resume`, `resumes` or `approvers` of these records, which are in order of arrival."""
    found = [msgspec.json.decode(raw, type=_Resume) for raw in raws]
    if root == "resume":
        return bytes(found[-1].value) if found else b"null"
    if root == "resumes":
        return b"[%s]" % b",".join(bytes(each.value) for each in found)
    return msgspec.json.encode([each.approver for each in found if each.approver is not None])
