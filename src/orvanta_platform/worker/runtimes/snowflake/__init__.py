"""SQL for Snowflake, run in a cell. Arguments are `-- ? name (type)`."""

from orvanta_platform.worker.runtimes.manifest import Runtime

RUNTIME = Runtime(
    languages=("snowflake",), host="orvanta_platform.worker.runtimes.snowflake.host", dependencies="python"
)
