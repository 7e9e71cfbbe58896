"""Time zones by their IANA names."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orvanta_platform.errors import BadRequest

_MAX_NAME: Final = 100
"""Maximum length of a name in characters; `ZoneInfo` takes quadratic time for the segments of a longer one."""


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA zone with this name. Raises BadRequest."""
    try:
        if len(name) <= _MAX_NAME:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise BadRequest(
        f"There is no time zone {name[:_MAX_NAME]!r}.", hint="Use an IANA name such as Europe/Paris or UTC."
    )
