"""What passes between the evaluator and its child. Standard library only.

Both ways: 4 bytes of length (big-endian), then JSON text; a request to the checker of schemas is what child/schema.py
says. Requests are answered in their order. The first answer of a child is {"ready": [what confines it]}; those to
requests are {"truthy", "value"}, {"limit": true, "value"}, {"error": {"name", "message"}} or {"need": [kind, path]},
with "limit" where the child is to end after it.
"""

from __future__ import annotations

import struct

LENGTH = struct.Struct(">I")

TIME_S = 1.0
"""Processor time of one evaluation."""

MEMORY_BYTES = 64 << 20
"""What one evaluation may take, its values and its result included."""

MAX_REACTIONS = 10_000
"""Steps of promises until one evaluation's has to have settled."""

OVER_TIME = 3
"""Exit status of a child that did not come back from its engine in time."""


def frame(text: bytes) -> bytes:
    """`text` with its length before it."""
    return LENGTH.pack(len(text)) + text
