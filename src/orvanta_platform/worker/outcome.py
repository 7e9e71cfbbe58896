"""The specification of one job for the runtimes, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec
from msgspec.structs import force_setattr

from orvanta_platform.engine.events import bounded_name
from orvanta_platform.worker.limits import Limits

StoppedBy = Literal["timeout", "cancel", "memory", "processes", "disk", "result", "log"]


class JobSpec(msgspec.Struct, frozen=True):
    """Specification of one attempt of a job."""

    job_id: UUID
    attempt: int
    workspace: str
    language: str
    content: str
    args: bytes
    """The text of a JSON object, in UTF-8."""

    env: Mapping[str, str]
    """Added to the runtime's own small environment. Nothing of the worker's environment is passed."""

    timeout_s: float
    limits: Limits
    slot: int
    """Number from 0 that selects the user id of the job. Only one running job at a time has it."""

    package: str | None = None
    """Folder below `Runtimes.packages` that the job may read. It sees no other one."""

    imports: str | None = None
    """Folder below `Runtimes.packages` with the scripts that the script imports. The job may read it."""

    entry: str = "main"
    """Function to call: `main`, or `preprocessor` for the preprocessor of a workflow, whose `main` is called if it has
    no other function."""

    path: str = ""
    """Path of the script, from which its relative imports start. Only used with `imports`."""

    output: str | None = None
    """Folder below `Runtimes.staging` that the job may write, made by `Runtimes.make_output`. It sees no other one."""

    dedicated: bool = False
    """True if the process may be reused for jobs of the same workspace, language, content, imports and package."""

    shared: bool = False
    """True if other jobs of the run write to `output` as well."""

    principal: str = ""
    """Identity of the job and its audience. Jobs of different principals share no process."""

    reserved_for: str = ""
    """Purpose that a dedicated process is limited to, if any."""


class JobError(msgspec.Struct, frozen=True):
    """Reason for the failure of a job."""

    name: str
    """Class of the exception, or one of the platform's error names. One that is too long is replaced."""

    message: str
    stack: str | None = None
    """The user's frames of the traceback."""
    extra: dict[str, Any] | None = None
    """Further attributes of the exception that are JSON."""

    def __post_init__(self) -> None:
        force_setattr(self, "name", bounded_name(self.name))


class JobOutcome(msgspec.Struct, frozen=True):
    """Outcome of a job: exactly one of `result` and `error` is set."""

    result: bytes | None
    """JSON text."""

    error: JobError | None
    mem_peak_kb: int
    started: bool
    """True if user code was started."""

    stopped_by: StoppedBy | None = None
    """Reason for which the job was stopped from outside, if it was."""

    lost: bool = False
    """True if the job was killed from outside together with its sandbox, which is not the script's fault."""


class SandboxLost(Exception):
    """Raised if the sandbox of an attempt was killed from outside: it has no outcome and counts as a loss."""


class LogSink(Protocol):
    """Receiver of a running job's output, in order. Log and stream are separate."""

    async def write(self, text: str) -> None:
        """Append `text` to the log. Nothing more is read from the job until this returns."""

    async def stream(self, text: str) -> None:
        """Append `text` to the stream. Nothing more is read from the job until this returns."""

    async def arguments(self, text: str) -> None:
        """Receive the arguments of `main` that a preprocessor has computed. `text` need not be JSON."""
