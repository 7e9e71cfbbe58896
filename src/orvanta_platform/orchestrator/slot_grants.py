"""Grants of slots in notifications. Any role that can connect to the database can notify: they are encrypted."""

from __future__ import annotations

import base64

import msgspec

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.secrets import seal_grant, unseal_grant
from orvanta_platform.queue.lent_slots import Grant


def write(keys: InstanceKeys, server: str, grant: Grant) -> str:
    """Return the message with a grant for this server."""
    return base64.b64encode(seal_grant(keys, server, msgspec.json.encode(grant))).decode()


def read(keys: InstanceKeys, server: str, message: str) -> Grant | None:
    """Return the grant in a message; None if this installation did not send it to this server."""
    try:
        text = unseal_grant(keys, server, base64.b64decode(message, validate=True))
        return None if text is None else msgspec.json.decode(text, type=Grant)
    except (ValueError, msgspec.MsgspecError):  # another version may send other grants
        return None
