"""What the worker sends into a cell, and how it is read there. Standard library only.

On the wire: 4 bytes of length (big-endian), the header as JSON, the script, the arguments. The descriptors of
the job's output and result pipes come with the first byte.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass
from typing import Any

LENGTH = struct.Struct(">I")
MAX_DESCRIPTORS = 3

# On the result pipe: STARTED as soon as user code begins, then at most one answer (a kind, 8 bytes of length,
# the text).
STARTED = b"s"
RESULT = b"r"
ERROR = b"e"
ANSWER = struct.Struct(">cQ")


@dataclass(frozen=True, slots=True)
class Job:
    """One job inside its cell: the header's fields and the descriptors of its pipes."""

    language: str
    env: dict[str, str]
    folder: str
    uid: int | None
    memory_bytes: int
    watch_memory: bool
    processes: int
    watch_processes: bool
    disk_bytes: int
    result_bytes: int
    content_length: int
    args_length: int
    stdout: int
    stderr: int
    result: int

    def pass_on(self, relay: socket.socket) -> None:
        """Tell the cell's first process of the job; of the pipes it needs the result's alone."""
        header = asdict(self)
        for pipe in ("stdout", "stderr", "result"):
            del header[pipe]
        data = frame(header)
        sent = socket.send_fds(relay, [data], [self.result])
        relay.sendall(data[sent:])


def frame(header: dict[str, Any]) -> bytes:
    """The length and header as they go on the wire."""
    text = json.dumps(header).encode()
    return LENGTH.pack(len(text)) + text


def receive(connection: socket.socket) -> Job | None:
    """Wait for the job's header; None when the worker closed the connection instead."""
    first, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, MAX_DESCRIPTORS)
    if not first:
        return None
    first += read_exactly(connection, LENGTH.size - len(first))
    header = json.loads(read_exactly(connection, LENGTH.unpack(first)[0]))
    stdout, stderr = (descriptors[0], descriptors[1]) if len(descriptors) == MAX_DESCRIPTORS else (-1, -1)
    return Job(**header, stdout=stdout, stderr=stderr, result=descriptors[-1])


def write_answer(descriptor: int, kind: bytes, text: bytes) -> None:
    """Write the job's answer to the result pipe."""
    for data in (ANSWER.pack(kind, len(text)), text):
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def read_exactly(connection: socket.socket, length: int) -> bytes:
    """`length` bytes of `connection`; EOFError where it ends before."""
    buffer = bytearray(length)
    view = memoryview(buffer)
    filled = 0
    while filled < length:
        count = connection.recv_into(view[filled:])
        if count == 0:
            raise EOFError("the worker closed the connection")
        filled += count
    return bytes(buffer)
