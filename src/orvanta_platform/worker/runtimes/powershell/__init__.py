"""PowerShell scripts: parameters of the `param` block by name; result.json, result.out or the last line of stdout."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("powershell",),
    host="orvanta_platform.worker.runtimes.powershell.host",
    program="pwsh",
    remedy="install PowerShell 7 with a link to it in /usr/bin or /usr/local/bin",
    printed_result=True,
)
