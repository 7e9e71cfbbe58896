"""Results of runs in the notifications of their ends, so that callers that wait need not read them.

Any role that can connect to the database can LISTEN and NOTIFY: a result is encrypted for its run.
"""

from __future__ import annotations

import base64
from uuid import UUID

import msgspec

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.secrets import seal_result, unseal_result
from orvanta_platform.db.steps import StepWrite

MAX_BYTES = 5 << 10
"""Maximum size of a result that is announced. A notification has less than 8,000 bytes, with the result in base64."""

_NULL = b"null"


class AnnouncedResult(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of a run that was not cancelled."""

    succeeded: bool
    raw: msgspec.Raw
    """JSON text."""


def announce(keys: InstanceKeys, write: StepWrite) -> str | None:
    """Return the message with the result of a run that ended with this step, after the step was committed.

    None: the run was cancelled, or its result is large or not part of the step.
    """
    end = write.end
    if end is None or end.status == "cancelled":
        return None
    raw = _NULL
    if end.result_of is not None:
        key = (end.result_of, "result", "")
        row = next((each for each in write.values if (each.id, each.kind, each.name) == key), None)
        if row is None or row.body is None or row.encoding != 0 or len(row.body) > MAX_BYTES:
            return None
        raw = row.body
    text = msgspec.json.encode(AnnouncedResult(end.status == "succeeded", msgspec.Raw(raw)))
    return base64.b64encode(seal_result(keys, write.run, text)).decode()


def read(keys: InstanceKeys, run: UUID, message: str) -> AnnouncedResult | None:
    """Return the result in a message about this run; None if it was not sent by this installation."""
    try:
        text = unseal_result(keys, run, base64.b64decode(message, validate=True))
    except ValueError:
        return None
    return None if text is None else msgspec.json.decode(text, type=AnnouncedResult)
