"""Resource limits of one job."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """The limits of one job. All sizes in bytes, `time_s` in seconds, all > 0."""

    memory_bytes: int = 1 << 30
    processes: int = 256
    disk_bytes: int = 1 << 30
    result_bytes: int = 100 << 20
    log_bytes: int = 200 << 20
    time_s: float = 3600
