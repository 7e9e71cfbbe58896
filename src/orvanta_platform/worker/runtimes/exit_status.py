"""Judgement of a finished job: its outcome from all that is known of its end."""

from __future__ import annotations

import asyncio
import json
import signal

import msgspec
from msgspec.structs import replace

from orvanta_platform.evaluate.raw import require_utf8
from orvanta_platform.sandbox.job import ANSWER, ERROR, HEAD, RESULT, STARTED
from orvanta_platform.units import size_text
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, StoppedBy

_Answer = bytes | JobError

THREAD_BYTES = 1 << 20
"""Results of more bytes are checked in a thread."""

_ERROR_BYTES = 1 << 20
"""Errors of more bytes are cut: handlers of failed runs load several errors at once."""
_MESSAGE_CHARS = 64 << 10
_STACK_CHARS = 32 << 10


class CapturedOutput(msgspec.Struct, frozen=True):
    """Output of a script that counts for its result: the last line of stdout and the end of stderr."""

    last_line: str
    last_line_too_long: bool
    stderr_tail: str


class JobObservations(msgspec.Struct, frozen=True):
    """Observations about a job that ended."""

    code: int | None
    """Exit code of the process, negative for a signal; None if it was killed with its cell."""

    answer: bytes
    """Head of the answer from the result pipe (sandbox/job.py)."""

    text: bytes
    """Text of the answer, after the head."""

    printed: CapturedOutput | None
    """Set if the last line of stdout is a result."""

    stopped_by: StoppedBy | None
    """Reason for which the worker stopped the job."""

    over: StoppedBy | None
    """Limit that the kernel or the cell enforced."""

    mem_peak_kb: int


_LOST = JobError("SandboxLost", "the job was killed from outside, together with its sandbox")


def outcome_of(spec: JobSpec, end: JobObservations) -> JobOutcome:
    """Return the outcome of the job `spec` from the observations `end`."""
    stopped_by = end.stopped_by
    answer: _Answer = _answer(spec, end) if stopped_by is None else _limit_error(spec, stopped_by)
    if stopped_by is None and isinstance(answer, JobError):
        # A job that hits its memory or disk limit and still succeeds has not failed. Too many processes always fail.
        stopped_by = "result" if answer.name == "result_too_large" else _limit_of(end, answer)
        if stopped_by not in (None, "result"):
            answer = _limit_error(spec, stopped_by)
    elif stopped_by is None and end.over == "processes":
        stopped_by, answer = "processes", _limit_error(spec, "processes")
    result, error = (None, answer) if isinstance(answer, JobError) else (answer, None)
    started, lost = end.answer.startswith(STARTED), error is _LOST
    return JobOutcome(result, error, end.mem_peak_kb, started, stopped_by, lost)


def _limit_of(end: JobObservations, error: JobError) -> StoppedBy | None:
    return end.over or ("memory" if error.name == "MemoryError" else None)


def _limit_error(spec: JobSpec, stopped_by: StoppedBy | None) -> JobError:
    limits = spec.limits
    match stopped_by:
        case "timeout":
            return JobError("Timeout", f"timed out after {min(spec.timeout_s, limits.time_s):g} s")
        case "memory":
            return JobError("OutOfMemory", f"out of memory: limit {size_text(limits.memory_bytes)}")
        case "processes":
            return JobError("ProcessLimit", f"too many processes: limit {limits.processes}")
        case "disk":
            return JobError("DiskLimit", f"disk full: limit {size_text(limits.disk_bytes)}")
        case "result":
            limit = size_text(limits.result_bytes)
            return JobError("result_too_large", f"the streamed text is larger than the limit of {limit}")
        case _:
            return JobError("Cancelled", "cancelled")


def _answer(spec: JobSpec, end: JobObservations) -> _Answer:
    (kind, length), text = _parse(end.answer), end.text
    limit = spec.limits.result_bytes
    if kind == RESULT and length > limit:
        return JobError("result_too_large", f"the result has {size_text(length)}, the limit is {size_text(limit)}")
    if len(text) != length:
        kind = b""
    if end.code is None and kind != RESULT:
        return _LOST
    if kind == ERROR:
        return _decode_error(text)
    if end.printed is not None:
        return _shell_answer(spec, end.printed, end.code, text if kind == RESULT else None)
    if kind == RESULT:
        return _checked(text)
    return JobError("ExitCode", _ending(end.code) if end.code else f"{_ending(0)} without a result")


def has_result(head: bytes | bytearray, received: int, limit: int) -> bool:
    """Return whether the result is complete, or over the limit and so not worth waiting for."""
    kind, length = _parse(head)
    return kind == RESULT and (received == length or length > limit)


def _parse(head: bytes | bytearray) -> tuple[bytes, int]:
    """Return the announced kind and length, or empty values if the head is incomplete."""
    if len(head) < HEAD:
        return b"", 0
    kind, length = ANSWER.unpack_from(head, len(STARTED))
    return kind, length


def _shell_answer(spec: JobSpec, printed: CapturedOutput, code: int | None, written: bytes | None) -> _Answer:
    if code:
        tail = printed.stderr_tail.strip()
        return JobError("ExitCode", _ending(code) + (f": {tail}" if tail else ""))
    if written is not None:
        return _checked(written)
    if printed.last_line_too_long:
        limit = size_text(spec.limits.result_bytes)
        return JobError("result_too_large", f"the last line of stdout has more than the limit of {limit}")
    line = printed.last_line
    if line.lstrip().startswith(("{", "[")):
        value = _checked(line.encode("utf-8", "replace"))
        if isinstance(value, bytes):
            return value
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") if line else b"null"


def _decode_error(text: bytes) -> JobError:
    try:
        error = msgspec.json.decode(text, type=JobError)
        if len(text) <= _ERROR_BYTES:
            return error
        stack = None if error.stack is None else _cut(error.stack, _STACK_CHARS)
        return JobError(error.name, _cut(error.message, _MESSAGE_CHARS), stack)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return JobError("ResultNotJson", "the script's process answered with an unreadable error")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}\n… {len(text) - limit} more characters"


async def checked(outcome: JobOutcome) -> JobOutcome:
    """Return the outcome of a native job, failed if its result is not JSON. Servers that jobs call are not trusted."""
    if outcome.result is None:
        return outcome
    in_thread = len(outcome.result) > THREAD_BYTES
    answer = await asyncio.to_thread(_checked, outcome.result) if in_thread else _checked(outcome.result)
    return replace(outcome, result=None, error=answer) if isinstance(answer, JobError) else outcome


def _checked(text: bytes) -> _Answer:
    """Return `text` if it is JSON. The process that made it is not trusted."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
        require_utf8(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return JobError("ResultNotJson", f"the result is not JSON: {error}")
    return text.strip()


def _ending(code: int) -> str:
    if code >= 0:
        return f"the script ended with exit code {code}"
    try:
        return f"the script was ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"the script was ended by signal {-code}"
