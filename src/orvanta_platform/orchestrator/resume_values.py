"""What came with the events that a step was suspended for, as expressions read it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class _Resume(msgspec.Struct):
    value: msgspec.Raw
    approver: str | None = None


def resumed(root: str, raws: Sequence[bytes]) -> bytes:
    """`resume`, `resumes` or `approvers` of these records, in the order in which they came."""
    found = [msgspec.json.decode(raw, type=_Resume) for raw in raws]
    if root == "resume":
        return bytes(found[-1].value) if found else b"null"
    if root == "resumes":
        return b"[%s]" % b",".join(bytes(each.value) for each in found)
    return msgspec.json.encode([each.approver for each in found if each.approver is not None])
