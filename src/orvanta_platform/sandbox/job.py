r"""Protocol between the worker and a cell. Standard library only.

On the wire: 4 bytes of length (big-endian), the header as JSON, then the environment (a JSON object of strings), the
script and the arguments, whose lengths are in the header. The descriptors of the job's output and result pipes are sent
with the first byte.

A dedicated process (`dedicated` in the header) is reused for further jobs of the same script. Its `result` is not a
pipe but a stream socket, on which it writes all its results and receives the further jobs, one at a time:

    process  STARTED                                             once, before user code starts
             {"kind":"result","length":12,"peak_kb":9000}\n      and that many bytes: the result's JSON text,
             {"kind":"error","length":70,"peak_kb":9000}\n       or {"name": …, "message": …, "stack": … or null}
    worker   {"env":{"OV_JOB_ID":"…","GONE":null},"args":9}\n    and that many bytes: the arguments, a JSON object

A line is compact JSON without a newline in it, at most 64 KiB from the process. `peak_kb` is the peak memory of the
process in KiB, 0 if unknown. `env` contains the changes to the environment passed to the previous job (regardless of
changes by that job); null removes a name. The standard output and error of a job are flushed before its result. A job
is read completely before its code starts: if the process ended without reading it, the worker runs it in another one.
The end of the connection means that no more jobs follow: exit.
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

# On the result pipe: STARTED as soon as user code starts, then at most one answer (a kind, 8 bytes of length,
# the text).
STARTED = b"s"
RESULT = b"r"
ERROR = b"e"
ANSWER = struct.Struct(">cQ")
HEAD = len(STARTED) + ANSWER.size


@dataclass(slots=True)
class Job:
    """Job inside its cell: the fields of the header and the descriptors of its pipes."""

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
    """Path of the package inside the cell, read-only; its source is below the plan's packages."""
    imports: str | None
    """Path of the imported scripts inside the cell, read-only; their source is below the plan's packages."""
    output: str | None
    """Path of the writable output inside the cell; its source is below the staging folder."""
    package_source: str | None
    imports_source: str | None
    output_source: str | None
    path: str
    """Path of the script in its workspace, if it imports other scripts."""
    entry: str
    """Function to call: `main`, or `preprocessor` if the script has it."""
    programs: dict[str, str]
    """Absolute paths by name."""
    dedicated: bool
    shared: bool
    """True if other jobs write to the output too, which the job finds as `shared` in its folder."""
    env_length: int
    content_length: int
    args_length: int
    stdout: int
    stderr: int
    result: int
    header: bytes
    env: dict[str, str] = field(default_factory=dict)

    def pass_on(self, relay: socket.socket) -> None:
        """Send the header and the result pipe to the first process of the cell."""
        sent = socket.send_fds(relay, [self.header], [self.result])
        if sent < len(self.header):  # the reader closes after the last byte: a send of zero bytes would then fail
            relay.sendall(self.header[sent:])

    def read(self, connection: socket.socket) -> tuple[str, bytes]:
        """Read the rest of the job: store the environment, and return the script and the arguments."""
        data = read_exactly(connection, self.env_length + self.content_length + self.args_length)
        script = self.env_length + self.content_length
        self.env = json.loads(data[: self.env_length])
        return data[self.env_length : script].decode(), data[script:]


def frame(header: dict[str, Any]) -> bytes:
    """Return the length and header as sent on the wire."""
    text = json.dumps(header).encode()
    return LENGTH.pack(len(text)) + text


def receive(connection: socket.socket) -> Job | None:
    """Wait for the header of a job; return None if the worker closed the connection instead."""
    first, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, MAX_DESCRIPTORS)
    if not first:
        return None
    first += read_exactly(connection, LENGTH.size - len(first))
    text = read_exactly(connection, LENGTH.unpack(first)[0])
    stdout, stderr = (descriptors[0], descriptors[1]) if len(descriptors) == MAX_DESCRIPTORS else (-1, -1)
    return Job(**json.loads(text), stdout=stdout, stderr=stderr, result=descriptors[-1], header=first + text)


def write_answer(descriptor: int, kind: bytes, text: bytes) -> None:
    """Write the result or error of the job to the result pipe."""
    for data in (ANSWER.pack(kind, len(text)), text):
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def read_exactly(connection: socket.socket, length: int) -> bytes:
    """Return `length` bytes of `connection`. Raises EOFError if it ends before."""
    buffer = bytearray(length)
    view = memoryview(buffer)
    filled = 0
    while filled < length:
        count = connection.recv_into(view[filled:])
        if count == 0:
            raise EOFError("the worker closed the connection")
        filled += count
    return bytes(buffer)
