"""Host of compiled C# scripts (builder.py) inside a cell. Standard library only."""

from __future__ import annotations

from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

PROGRAM = "script.exe"
"""Name of the compiled script in its package."""

# Share of the job's memory for the heap; the rest is for code, threads and buffers.
_HEAP_SHARE = 0.6
_SMALLEST_HEAP = 32 << 20
_OPTIONS = ("--debug", "-O=-inline")  # frames of inlined methods would be missing in stacks


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `mono script.exe` (Host.cs); see `Host.run`."""
    heap = max(int(job.memory_bytes * _HEAP_SHARE), _SMALLEST_HEAP)
    job.env |= {"MONO_GC_PARAMS": f"max-heap-size={heap >> 20}m", "MONO_DISABLE_SHARED_AREA": "1"}
    try:
        numbers = map(str, (program.inherited(args), job.result, job.result_bytes))
        program.become([program.find("mono", job), *_OPTIONS, f"{job.package}/{PROGRAM}", *numbers], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"mono cannot be started: {error}")


finish: None = None
"""No function, as the script's process writes its result itself."""
