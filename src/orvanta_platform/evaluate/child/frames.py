"""Protocol between the evaluator and its child processes. Imports only the standard library.

In both directions: 4 bytes of length (big-endian), then JSON text; child/schema.py and child/code.py define the
requests to the schema checker and to the script reader. Requests are answered in order. The first answer of a child is
{"ready": [list of confinements]}; answers to requests are {"truthy", "value"}, {"limit": true, "value"}, {"error":
{"name", "message"}} or {"need": [kind, path]}, with "limit" if the child has to end afterwards.
"""

from __future__ import annotations

import struct

LENGTH = struct.Struct(">I")

TIME_S = 1.0
"""Maximum processor time of one evaluation."""

MEMORY_BYTES = 64 << 20
"""Maximum memory of one evaluation, including its values and its result."""

MAX_REACTIONS = 10_000
"""Maximum number of promise reactions within which an evaluation must settle."""

OVER_TIME = 3
"""Exit status of a child whose engine exceeded its time limit."""


def frame(text: bytes) -> bytes:
    """Return `text` preceded by its length."""
    return LENGTH.pack(len(text)) + text
