"""Nushell scripts: a command `main` with positional parameters. Arguments are passed by name."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("nu",),
    host="orvanta_platform.worker.runtimes.nu.host",
    program="nu",
    remedy="install Nushell in /usr/bin or /usr/local/bin",
)
