"""Bash scripts: one process, positional parameters, result.json, result.out or the last line of stdout."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("bash",),
    host="orvanta_platform.worker.runtimes.bash.host",
    program="bash",
    remedy="install bash in /usr/bin or /usr/local/bin",
    printed_result=True,
)
