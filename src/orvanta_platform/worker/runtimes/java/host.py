"""Host of compiled Java scripts (builder.py) inside a cell. Standard library only."""

from __future__ import annotations

from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

# Share of the job's memory for the heap; the rest is for code, threads and buffers.
_HEAP_SHARE = 0.6
_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData", "-Dfile.encoding=UTF-8")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `java orvanta.Host` (Host.java); see `Host.run`."""
    try:
        heap = f"-Xmx{int(job.memory_bytes * _HEAP_SHARE) >> 20}m"
        numbers = map(str, (program.inherited(args), job.result, job.result_bytes))
        command = [program.find("java", job), *_OPTIONS, heap, "-cp", str(job.package), "orvanta.Host"]
        program.become([*command, *numbers], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"java cannot be started: {error}")


finish: None = None
"""No function, as the script's process writes its result itself."""
