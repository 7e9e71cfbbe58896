"""The protocol between the evaluator and its child. Standard library only.

Both ways: 4 bytes of length (big-endian), then JSON text; child/schema.py and child/code.py define the requests to
the schema checker and to the reader of scripts.
Requests are answered in order. The first answer of a child is {"ready": [list of confinements]}; those to requests are
{"truthy", "value"}, {"limit": true, "value"}, {"error": {"name", "message"}} or {"need": [kind, path]}, with "limit" if
the child has to end afterwards.
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
