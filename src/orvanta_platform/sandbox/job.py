"""What the worker sends into a cell, and how it is read there. Standard library only.

On the wire: 4 bytes of length (big-endian), the header as JSON, then the environment (a JSON object of texts), the
script and the arguments, whose lengths the header gives. The descriptors of the job's output and result pipes come
with the first byte.

A dedicated process (`dedicated` in the header) is kept for further jobs of the same script. Its `result` is not a
pipe but a stream socket, on which it gives all its answers and takes the further jobs, one at a time:

    process  STARTED                                             once, before user code begins
             {"kind":"result","length":12,"peak_kb":9000}\n      and that many bytes: the result's JSON text,
             {"kind":"error","length":70,"peak_kb":9000}\n       or {"name": …, "message": …, "stack": … or null}
    worker   {"env":{"OV_JOB_ID":"…","GONE":null},"args":9}\n    and that many bytes: the arguments, a JSON object

A line is compact JSON without a newline in it, at most 64 KiB from the process. `peak_kb` is the most memory that
the process ever had, KiB, 0 where it does not know. `env` holds what is to change in the environment that the job
before was given (whatever that one did to it), null: the name goes. A job's standard output and error are written
out before its answer. A job is read whole before its code begins: the worker gives one whose process ended without
reading it to another. The connection's end means that no more jobs come: exit.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

LENGTH = struct.Struct(">I")
MAX_DESCRIPTORS = 3

# On the result pipe: STARTED as soon as user code begins, then at most one answer (a kind, 8 bytes of length,
# the text).
STARTED = b"s"
RESULT = b"r"
ERROR = b"e"
ANSWER = struct.Struct(">cQ")
HEAD = len(STARTED) + ANSWER.size


@dataclass(slots=True)
class Job:
    """One job inside its cell: the header's fields and the descriptors of its pipes.

    `package` (to be read) and `output` (to be written) are paths as the job finds them; their sources lie below
    the plan's packages and its staging folder, for cells that bind them. `shared`: other jobs write to the output too,
    which the job finds in its folder as `shared`. `programs`: absolute paths by name.
    """

    language: str
    folder: str
    uid: int | None
    memory_bytes: int
    watch_memory: bool
    processes: int
    watch_processes: bool
    disk_bytes: int
    result_bytes: int
    package: str | None
    output: str | None
    package_source: str | None
    output_source: str | None
    programs: dict[str, str]
    dedicated: bool
    shared: bool
    env_length: int
    content_length: int
    args_length: int
    stdout: int
    stderr: int
    result: int
    header: bytes
    env: dict[str, str] = field(default_factory=dict)

    def pass_on(self, relay: socket.socket) -> None:
        """Tell the cell's first process of the job: the header alone, and of the pipes the result's."""
        sent = socket.send_fds(relay, [self.header], [self.result])
        if sent < len(self.header):  # the reader, once it has all, closes: even nothing cannot be sent to it then
            relay.sendall(self.header[sent:])

    def read(self, connection: socket.socket) -> tuple[str, bytes]:
        """Take what follows the header: keeps the environment, gives the script and the arguments."""
        data = read_exactly(connection, self.env_length + self.content_length + self.args_length)
        script = self.env_length + self.content_length
        self.env = json.loads(data[: self.env_length])
        return data[self.env_length : script].decode(), data[script:]


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
    text = read_exactly(connection, LENGTH.unpack(first)[0])
    stdout, stderr = (descriptors[0], descriptors[1]) if len(descriptors) == MAX_DESCRIPTORS else (-1, -1)
    return Job(**json.loads(text), stdout=stdout, stderr=stderr, result=descriptors[-1], header=first + text)


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
