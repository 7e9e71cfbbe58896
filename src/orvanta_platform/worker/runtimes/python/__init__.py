"""Python scripts: `main(**arguments)` in a process forked from the zygote."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("python3",),
    host="orvanta_platform.worker.runtimes.python.host",
    dependencies="python",
    dedicated=True,
)
