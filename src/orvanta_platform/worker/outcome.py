"""One job as the runtimes take it, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from orvanta_platform.worker.limits import Limits

StoppedBy = Literal["timeout", "cancel", "memory", "processes", "disk", "result", "log"]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Everything that one attempt of a job needs. `args` is the text of a JSON object (UTF-8).

    `env` is added to the runtime's own small environment; nothing of the worker's environment is passed.
    `slot` (0 or more, of one running job at a time) selects the user id the job gets.

    `package` is a folder relative to `Runtimes.packages` that the job may read; `output` one relative to
    `Runtimes.staging` that it may write, made before by `Runtimes.make_output`. Of these folders a job sees no
    other. `dedicated`: its process may be reused for further jobs of the same workspace, language, content and package.
    `principal`: the identity of the job and its audience; jobs of different principals share no process. `kept_for`:
    the purpose that a dedicated process is limited to, if any.
    `shared`: other jobs of the run write to the output as well.
    """

    job_id: UUID
    attempt: int
    workspace: str
    language: str
    content: str
    args: bytes
    env: Mapping[str, str]
    timeout_s: float
    limits: Limits
    slot: int
    package: str | None = None
    output: str | None = None
    dedicated: bool = False
    shared: bool = False
    principal: str = ""
    kept_for: str = ""


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: a name (the exception's class or one of ours), a sentence, the user's frames."""

    name: str
    message: str
    stack: str | None = None


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """The outcome of a job: exactly one of `result` (JSON text) and `error` is set.

    `started`: user code began. `stopped_by`: the cause if it was ended from outside. `lost`: it was killed from outside
    together with its sandbox, which is no fault of the script.
    """

    result: bytes | None
    error: JobError | None
    mem_peak_kb: int
    started: bool
    stopped_by: StoppedBy | None = None
    lost: bool = False


class SandboxLost(Exception):
    """The sandbox of an attempt was killed from outside: the attempt has no outcome, and counts as a loss."""


class LogSink(Protocol):
    """Takes a job's output while it runs, in order: its log, and apart from it what it streams."""

    async def write(self, text: str) -> None:
        """Take `text`; nothing more is read from the job until this returns."""

    async def stream(self, text: str) -> None:
        """Take a piece of what the job streams, in the same way."""
